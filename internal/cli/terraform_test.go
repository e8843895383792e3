package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestOnlyTheApplyOfASavedPlanIsUnderstood(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"terraform", "terraform apply", "terraform apply -auto-approve", "terraform destroy", "terraform destroy -auto-approve", "terraform plan",
		"terraform apply -destroy tfplan", "terraform apply -refresh-only tfplan", "terraform apply -target=a tfplan", "terraform apply -replace=a tfplan",
		"terraform apply -state=x tfplan", "terraform apply tfplan other", "terraform apply tfplan -json", "terraform apply -parallelism", "terraform -chdir= apply p",
		"terraform -chdir=a -chdir=b apply p", "terraform -version apply p", "terraform workspace select x", "terraform apply - p", "terraform -json apply p",
		"terraform apply -allow-deferral p", "terraform apply --help"} {
		if c, err := parseTerraform(strings.Fields(line)); err == nil {
			t.Errorf("%q was understood as %+v", line, c)
		}
	}
}

func TestTheCopyTakesThePlansPlace(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"terraform apply tfplan":                                              "/bin/tf apply -json -input=false /copy",
		"tofu -chdir=infra apply -lock-timeout 30s -no-color tfplan":          "/bin/tf -chdir=infra apply -json -input=false -lock-timeout 30s -no-color /copy",
		"terraform apply -json -input=true -parallelism=3 --auto-approve p.1": "/bin/tf apply -json -input=false -parallelism=3 --auto-approve /copy",
		"terraform apply -var a=b -var-file=x p":                              "/bin/tf apply -json -input=false -var a=b -var-file=x /copy",
	} {
		c, err := parseTerraform(strings.Fields(line))
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		if got := strings.Join(c.argv("/bin/tf", "/copy"), " "); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
	c, err := parseTerraform([]string{"terraform", "-chdir=infra", "apply", "out/tfplan"})
	if err != nil || c.file() != "infra/out/tfplan" {
		t.Errorf("the plan of another folder is sought at %q, %v", c.file(), err)
	}
}

// FuzzParseTerraform: whatever is understood runs exactly one plan, the copy, and no flag that is not
// listed.
func FuzzParseTerraform(f *testing.F) {
	for _, s := range []string{"apply tfplan", "-chdir=x apply -json tfplan", "apply -destroy tfplan", "apply -parallelism 3 p", "apply -var=-destroy p", "apply -lock-timeout -destroy p"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c, err := parseTerraform(append([]string{"terraform"}, strings.Fields(line)...))
		if err != nil {
			return
		}
		argv := c.argv("tf", "COPY")
		if argv[len(argv)-1] != "COPY" || c.plan == "" || strings.HasPrefix(c.plan, "-") && c.plan != "-" {
			t.Fatalf("%q became %q", line, argv)
		}
		i := slices.Index(argv, "apply")
		value := false
		for _, word := range argv[i+1 : len(argv)-1] {
			if value {
				value = false
				continue
			}
			name, _, has := strings.Cut(strings.TrimLeft(word, "-"), "=")
			takes, known := tfFlags[name]
			if !known {
				t.Fatalf("%q lets %q through", line, word)
			}
			value = takes && !has
		}
	})
}
