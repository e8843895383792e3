package cli

import (
	"net/url"
	"strings"

	"plumbline.dev/plumb/internal/wire"
)

// ciSystem says by which variables one CI system is known and where it keeps what a gate wants to
// know. They are claims of the environment: recorded as such, and no decision rests on them alone.
type ciSystem struct {
	provider string
	marker   string // set, and not "false", when this system runs the job
	repo, pipeline, job, build,
	commit, branch, pr, actor, url func(env func(string) string) string
}

// first gives the first of the variables that holds something.
func first(names ...string) func(func(string) string) string {
	return func(env func(string) string) string {
		for _, n := range names {
			if v := strings.TrimSpace(env(n)); v != "" {
				return v
			}
		}
		return ""
	}
}

// glued joins variables by a separator when all of them are set.
func glued(sep string, names ...string) func(func(string) string) string {
	return func(env func(string) string) string {
		parts := make([]string, len(names))
		for i, n := range names {
			if parts[i] = env(n); parts[i] == "" {
				return ""
			}
		}
		return strings.Join(parts, sep)
	}
}

// ciSystems is the one table of the CI systems that are known. The names are those that the systems
// document for jobs.
var ciSystems = []ciSystem{
	{provider: "github", marker: "GITHUB_ACTIONS", repo: first("GITHUB_REPOSITORY"), pipeline: first("GITHUB_WORKFLOW"), job: first("GITHUB_JOB"),
		build: glued(".", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"), commit: first("GITHUB_SHA"), branch: first("GITHUB_HEAD_REF", "GITHUB_REF_NAME"),
		pr: githubPR, actor: first("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"), url: githubURL},
	{provider: "gitlab", marker: "GITLAB_CI", repo: first("CI_PROJECT_PATH"), pipeline: first("CI_PIPELINE_NAME", "CI_PIPELINE_SOURCE"),
		job: first("CI_JOB_NAME"), build: first("CI_JOB_ID"), commit: first("CI_COMMIT_SHA"),
		branch: first("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"), pr: first("CI_MERGE_REQUEST_IID"),
		actor: first("GITLAB_USER_LOGIN"), url: first("CI_JOB_URL")},
	{provider: "bitbucket", marker: "BITBUCKET_BUILD_NUMBER", repo: first("BITBUCKET_REPO_FULL_NAME"),
		pipeline: first("BITBUCKET_DEPLOYMENT_ENVIRONMENT"), // a pipeline has no name there; --pipeline says one
		job:      first("BITBUCKET_STEP_UUID"), build: first("BITBUCKET_BUILD_NUMBER"), commit: first("BITBUCKET_COMMIT"),
		branch: first("BITBUCKET_BRANCH", "BITBUCKET_TAG"), pr: first("BITBUCKET_PR_ID"), actor: first("BITBUCKET_STEP_TRIGGERER_UUID"), url: bitbucketURL},
	{provider: "jenkins", marker: "JENKINS_URL", repo: jenkinsRepo, pipeline: first("JOB_NAME"), job: first("STAGE_NAME", "JOB_BASE_NAME"),
		build: first("BUILD_TAG", "BUILD_NUMBER"), commit: first("GIT_COMMIT"), branch: jenkinsBranch, pr: first("CHANGE_ID"),
		actor: first("BUILD_USER_ID", "CHANGE_AUTHOR"), url: first("BUILD_URL")},
}

// detectCI reads what the environment claims about the job. Where none or several systems seem to run
// it, the first of the table counts and provider is "none" without any.
func detectCI(env func(string) string) wire.CI {
	for _, s := range ciSystems {
		if v := env(s.marker); v == "" || v == "false" {
			continue
		}
		return wire.CI{Provider: s.provider, Repo: s.repo(env), Pipeline: s.pipeline(env), Job: s.job(env), BuildID: s.build(env),
			Commit: s.commit(env), Branch: s.branch(env), PR: s.pr(env), Actor: s.actor(env), URL: s.url(env)}
	}
	return wire.CI{Provider: "none"}
}

// githubPR reads the number out of refs/pull/7/merge.
func githubPR(env func(string) string) string {
	rest, ok := strings.CutPrefix(env("GITHUB_REF"), "refs/pull/")
	if !ok {
		return ""
	}
	n, _, _ := strings.Cut(rest, "/")
	return n
}

func githubURL(env func(string) string) string {
	base := glued("/", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY")(env)
	if run := env("GITHUB_RUN_ID"); base != "" && run != "" {
		return base + "/actions/runs/" + run
	}
	return ""
}

func bitbucketURL(env func(string) string) string {
	if origin, n := env("BITBUCKET_GIT_HTTP_ORIGIN"), env("BITBUCKET_BUILD_NUMBER"); origin != "" && n != "" {
		return origin + "/pipelines/results/" + n
	}
	return ""
}

func jenkinsBranch(env func(string) string) string {
	return strings.TrimPrefix(first("CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH")(env), "origin/")
}

// jenkinsRepo reduces a clone address to owner/name.
func jenkinsRepo(env func(string) string) string { return repoName(env("GIT_URL")) }

// repoName reduces a clone address, https or git@host:owner/name.git, to owner/name; credentials in it
// are dropped with the host.
func repoName(remote string) string {
	remote = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(remote), "/"), ".git")
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		return strings.Trim(u.Path, "/")
	}
	if _, path, ok := strings.Cut(remote, ":"); ok {
		return strings.Trim(path, "/")
	}
	return ""
}
