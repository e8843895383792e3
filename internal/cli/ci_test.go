package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumb/internal/wire"
)

func TestCIFactsAreReadFromTheEnvironment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  map[string]string
		want wire.CI
	}{
		"none":           {nil, wire.CI{Provider: "none"}},
		"marker says no": {map[string]string{"GITHUB_ACTIONS": "false", "GITHUB_SHA": "x"}, wire.CI{Provider: "none"}},
		"github pull request": {map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/infra", "GITHUB_WORKFLOW": "deploy", "GITHUB_JOB": "apply",
			"GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_SHA": "abc", "GITHUB_REF": "refs/pull/12/merge", "GITHUB_HEAD_REF": "feature",
			"GITHUB_REF_NAME": "12/merge", "GITHUB_ACTOR": "eva", "GITHUB_SERVER_URL": "https://github.com"},
			wire.CI{Provider: "github", Repo: "acme/infra", Pipeline: "deploy", Job: "apply", BuildID: "77.2", Commit: "abc", Branch: "feature", PR: "12",
				Actor: "eva", URL: "https://github.com/acme/infra/actions/runs/77"}},
		"gitlab": {map[string]string{"GITLAB_CI": "true", "CI_PROJECT_PATH": "acme/infra", "CI_PIPELINE_SOURCE": "push", "CI_JOB_NAME": "apply", "CI_JOB_ID": "5",
			"CI_COMMIT_SHA": "abc", "CI_COMMIT_REF_NAME": "main", "GITLAB_USER_LOGIN": "eva", "CI_JOB_URL": "https://gl/5"},
			wire.CI{Provider: "gitlab", Repo: "acme/infra", Pipeline: "push", Job: "apply", BuildID: "5", Commit: "abc", Branch: "main", Actor: "eva", URL: "https://gl/5"}},
		"bitbucket": {map[string]string{"BITBUCKET_BUILD_NUMBER": "9", "BITBUCKET_REPO_FULL_NAME": "acme/infra", "BITBUCKET_DEPLOYMENT_ENVIRONMENT": "production",
			"BITBUCKET_STEP_UUID": "{s}", "BITBUCKET_COMMIT": "abc", "BITBUCKET_TAG": "v1", "BITBUCKET_PR_ID": "3", "BITBUCKET_STEP_TRIGGERER_UUID": "{u}",
			"BITBUCKET_GIT_HTTP_ORIGIN": "https://bitbucket.org/acme/infra"},
			wire.CI{Provider: "bitbucket", Repo: "acme/infra", Pipeline: "production", Job: "{s}", BuildID: "9", Commit: "abc", Branch: "v1", PR: "3", Actor: "{u}",
				URL: "https://bitbucket.org/acme/infra/pipelines/results/9"}},
		"jenkins": {map[string]string{"JENKINS_URL": "https://j/", "JOB_NAME": "infra/main", "STAGE_NAME": "apply", "BUILD_TAG": "jenkins-infra-4", "GIT_COMMIT": "abc",
			"GIT_BRANCH": "origin/main", "GIT_URL": "https://user:secret@git.example.com/acme/infra.git", "BUILD_USER_ID": "eva", "BUILD_URL": "https://j/4"},
			wire.CI{Provider: "jenkins", Repo: "acme/infra", Pipeline: "infra/main", Job: "apply", BuildID: "jenkins-infra-4", Commit: "abc", Branch: "main", Actor: "eva", URL: "https://j/4"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := detectCI(func(name string) string { return c.env[name] })
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("facts differ (-want +got):\n%s", d)
			}
		})
	}
}

func TestRepositoryNameLosesHostAndCredentials(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://github.com/acme/infra.git": "acme/infra", "git@github.com:acme/infra.git": "acme/infra", "ssh://git@host:22/acme/infra/": "acme/infra",
		"https://user:pw@host/acme/infra": "acme/infra", "": "", "infra": "",
	} {
		if got := repoName(in); got != want {
			t.Errorf("repoName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAttemptKeyIsTheSameForTheSameJobOnly(t *testing.T) {
	t.Parallel()
	r := wire.GateRequest{Change: "CHG-1", Kind: "apply", Environment: "prod", Attempt: 1, CI: wire.CI{Provider: "github", Repo: "a/b", BuildID: "7.1"}}
	again, other := r, r
	other.CI.BuildID = "8.1"
	if attemptKey(r) != attemptKey(again) || attemptKey(r) == attemptKey(other) {
		t.Error("the key does not follow the build")
	}
	r.CI = wire.CI{Provider: "none"}
	if first, second := attemptKey(r), attemptKey(r); first == second {
		t.Error("outside of a pipeline two invocations share a key")
	}
}
