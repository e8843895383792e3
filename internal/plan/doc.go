// Package plan turns the JSON of a Terraform or OpenTofu plan into what may leave the machine that
// made it: a redacted document, its digests, a summary and the expected effects. It also reads the
// stream of `apply -json`. It is not a runner: it starts no program, opens no file, and knows no
// policy.
//
// The machine output of Terraform prints every secret in clear; "sensitive" is only a mask beside the
// values. So Read keeps nothing of a plan but what the redactor wrote, and whatever the redactor
// cannot judge is masked. Two words carry the whole package: a value is *masked* when a marker stands
// in its place; it is *known* as secret when it was masked in one place, and is then masked wherever
// else it occurs verbatim.
package plan
