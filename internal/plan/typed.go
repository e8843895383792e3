package plan

import (
	"maps"
	"slices"
	"strings"
)

// typedValues are the members in which resources whose type tells of a secret hold it, such as kubernetes_secret and
// google_secret_manager_secret_version.
var typedValues = []string{
	"result", "bcrypt_hash", "data", "binary_data", "string_data", "data_json", "value", "plaintext_value", "encrypted_value",
	"payload", "content",
}

// secretMembers are those of types whose name tells nothing.
var secretMembers = map[string][]string{
	"random_bytes":                  {"base64", "hex"},
	"aws_ssm_parameter":             {"value"},
	"gitlab_group_variable":         {"value"},
	"gitlab_instance_variable":      {"value"},
	"gitlab_project_variable":       {"value"},
	"tfe_variable":                  {"value"},
	"circleci_environment_variable": {"value"},
	"helm_release":                  {"set_sensitive", "set_sensitive_list"},
}

// OfType gives the marks of an object of a type, with what such a resource is known to hold in secret: old tools, and states that were
// taken over from them, mark nothing.
func (m Marks) OfType(resourceType string) Marks {
	names := secretMembers[resourceType]
	if secretName(strings.TrimSuffix(resourceType, "_version"), false) {
		names = typedValues
	}
	if len(names) == 0 || m.mask.covers('{') {
		return m
	}
	out := &mask{names: map[string]*mask{}}
	if m.mask != nil {
		out.items = slices.Clone(m.mask.items)
		maps.Copy(out.names, m.mask.names)
	}
	for _, n := range names {
		out.names[n] = coversAll
	}
	return Marks{out}
}
