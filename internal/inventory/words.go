package inventory

import (
	"slices"
	"strings"
)

// Class says what an asset is. The names are those of JupiterOne's data model where it has one.
type Class string

// The classes that rules speak of; Classes lists them all.
const (
	Host           Class = "Host"
	Device         Class = "Device"
	Container      Class = "Container"
	Image          Class = "Image"
	Disk           Class = "Disk"
	Network        Class = "Network"
	Interface      Class = "NetworkInterface"
	IPAddress      Class = "IpAddress"
	Firewall       Class = "Firewall"
	Account        Class = "Account"
	User           Class = "User"
	UserGroup      Class = "UserGroup"
	Directory      Class = "Directory"
	Zone           Class = "DomainZone"
	DomainRecord   Class = "DomainRecord"
	Snapshot       Class = "Snapshot"
	GroupPolicy    Class = "GroupPolicy"
	TimeSource     Class = "TimeSource"
	IaCResource    Class = "IaCResource" // a Terraform address; joined with the real thing by MANAGES, never merged
	Package        Class = "Package"
	Application    Class = "Application"
	Service        Class = "Service"
	CodeRepo       Class = "CodeRepo"
	Vulnerability  Class = "Vulnerability"
	LoadBalancer   Class = "Gateway"
	Key            Class = "Key"
	Certificate    Class = "Certificate"
	Configuration  Class = "Configuration"
	NetworkService Class = "NetworkEndpoint"
)

// Classes lists every class of asset, sorted.
func Classes() []Class {
	var out []Class
	for _, name := range strings.Fields(classNames) {
		out = append(out, Class(name))
	}
	return out
}

const classNames = "AccessPolicy AccessRole Account Application ApplicationEndpoint Backup Baseline Certificate ChangeRequest Cluster CodeDeploy CodeModule " +
	"CodeRepo CollectorRun Configuration Container Control DataStore Database Deployment Device Directory Disk Domain DomainRecord DomainZone Finding Firewall " +
	"Function Gateway GroupPolicy Host HostAgent IaCResource Image IpAddress Key Network NetworkEndpoint NetworkInterface Organization Package " +
	"PackageMirror PasswordPolicy Person Procedure Process Product Queue Repository Ruleset Secret Service Site Snapshot Team TimeSource User " +
	"UserGroup Vault Vendor Vulnerability Workload"

// Verbs lists the verbs of edges, sorted: JupiterOne's where it has one.
func Verbs() []string { return strings.Fields(verbNames) }

const verbNames = "ALLOWS APPROVED ASSIGNED AUTHORIZES BUILT_FROM CONNECTS CONTAINS DEFINES DENIES DEPENDS_ON DEPLOYED ENFORCES EVALUATES EXPLAINS HAS HOSTS " +
	"IMPLEMENTS INSTALLED IS LOGS MANAGES MONITORS NOT_SAME_AS OBSERVED_AS OWNS PERFORMED PROCESSES PROTECTS PUBLISHED REPLACED_BY RESOLVES_TO REVIEWED " +
	"RUNS SAME_AS SCANS SNAPSHOT_OF STORES SYNCS_TIME_FROM TRUSTS USES VIOLATES"

// The governed labels.
const (
	LabelEnvironment    = "environment"
	LabelClassification = "classification"
	LabelOwner          = "owner" // a person's or group's id, or its name until it resolves
	LabelRole           = "role"
	LabelTier           = "tier"
	LabelCriticality    = "criticality" // 1 to 10
	LabelLifecycle      = "lifecycle"
)

// labels are the governed labels with the values each may have (nil: free), the strictest first, and how other words for them
// are read.
var labels = []struct {
	key    string
	values []string
	alias  map[string]string
}{
	{LabelEnvironment, []string{"prod", "shared", "test", "dev"}, map[string]string{"production": "prod", "live": "prod", "staging": "test", "stage": "test", "qa": "test", "development": "dev"}},
	{LabelClassification, []string{"critical", "confidential", "internal", "public"}, nil},
	{LabelOwner, nil, nil},
	{LabelRole, nil, nil},
	{LabelTier, []string{"backend", "frontend", "mgmt", "endpoint"}, map[string]string{"management": "mgmt"}},
	{LabelCriticality, []string{"10", "9", "8", "7", "6", "5", "4", "3", "2", "1"}, nil},
	{LabelLifecycle, []string{"requested", "provisioning", "verifying", "in_service", "quarantined", "retiring", "retired", "lost"}, nil},
}

// Labels lists the keys of the governed labels.
func Labels() []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = l.key
	}
	return out
}

// LabelValues lists what a label may hold, the strictest first; nil where any text will do.
func LabelValues(key string) []string {
	for _, l := range labels {
		if l.key == key {
			return l.values
		}
	}
	return nil
}

// ReadLabel gives the governed value that a source's word stands for; ok is false for a word that is none, which then counts
// as unlabelled.
func ReadLabel(key, word string) (value string, ok bool) {
	word = strings.TrimSpace(word)
	for _, l := range labels {
		if l.key != key {
			continue
		}
		if l.values == nil {
			return word, word != ""
		}
		word = strings.ToLower(word)
		if a, found := l.alias[word]; found {
			word = a
		}
		return word, slices.Contains(l.values, word)
	}
	return "", false
}
