package finding

import (
	"maps"
	"slices"
	"strings"
)

//go:generate go run ./gentypes

// Info is what is known of a finding type.
type Info struct {
	Type            Type
	Family          string   // which kind of investigation it needs: iam, s3, ec2, eks_audit, runtime, ...
	ResourceType    string   // GuardDuty's resource.resourceType; several are separated by "|"
	DataSource      string   // the logs that GuardDuty saw it in, in words
	DefaultSeverity string   // Low, Medium, High, Critical, several by "/", or Variable; "" is not known
	Variable        bool     // the severity differs between findings of this type
	Status          string   // active, retired, alias (an older spelling)
	ASFFTypes       []string // its names in Security Hub
}

// Lookup finds a type in the catalogue. AWS adds types without warning, so one that is
// not in it is no error; see [FamilyOf].
func Lookup(t Type) (Info, bool) {
	i, ok := slices.BinarySearchFunc(catalogue, t, func(i Info, t Type) int { return strings.Compare(string(i.Type), string(t)) })
	if !ok {
		return Info{}, false
	}
	return catalogue[i], true
}

// Catalogue is every known type, ordered by type.
func Catalogue() []Info { return slices.Clone(catalogue) }

// FamilyOf is the family of a finding: the catalogue's, or for a type that is not in it the
// best guess from the type's text, then from the resource and the action. It is "generic" when nothing tells.
func FamilyOf(f Finding) string {
	if i, ok := Lookup(f.Type); ok {
		return i.Family
	}
	if family := familyOfText(f.Type); family != "" {
		return family
	}
	switch f.Resource.Type { // as the catalogue has them
	case "AccessKey":
		return "iam"
	case "S3Bucket":
		return "s3"
	case "S3Object":
		return "malware_s3"
	case "Instance":
		return "ec2"
	case "EKSCluster", "KubernetesCluster":
		return "eks_audit"
	case "ECSCluster", "Container":
		return "runtime"
	case "Lambda":
		return "lambda"
	case "RDSDBInstance", "RDSLimitlessDB":
		return "rds"
	case "EBSSnapshot", "EC2Image", "RecoveryPoint":
		return "malware_backup"
	case "AttackSequence":
		return "attack_sequence"
	}
	switch f.Action.Type {
	case "AWS_API_CALL":
		return "iam"
	case "NETWORK_CONNECTION", "DNS_REQUEST", "PORT_PROBE":
		return "ec2"
	case "KUBERNETES_API_CALL":
		return "eks_audit"
	case "RDS_LOGIN_ATTEMPT":
		return "rds"
	}
	return "generic"
}

// familyOfText reads the parts of a type as AWS forms them.
func familyOfText(t Type) string {
	if t.Tactic() == "AttackSequence" {
		return "attack_sequence"
	}
	technique := t.Technique()
	if strings.HasPrefix(technique, "MaliciousFile") || strings.HasPrefix(technique, "SuspiciousFile") {
		switch {
		case t.Resource() == "Runtime":
			return "runtime"
		case strings.Contains(technique, "!"):
			return "malware_backup"
		case t.Resource() == "S3":
			return "malware_s3"
		default:
			return "malware_ebs"
		}
	}
	switch t.Resource() {
	case "IAMUser", "IAM":
		return "iam"
	case "S3":
		return "s3"
	case "EC2":
		return "ec2"
	case "Kubernetes", "EKS":
		return "eks_audit"
	case "Runtime":
		return "runtime"
	case "RDS":
		return "rds"
	case "Lambda":
		return "lambda"
	default:
		return ""
	}
}

// Families are the families of the catalogue, sorted.
func Families() []string {
	set := map[string]bool{}
	for _, i := range catalogue {
		set[i.Family] = true
	}
	return slices.Sorted(maps.Keys(set))
}
