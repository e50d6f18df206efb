package finding

import "strings"

// Tactic is what stands before the colon of a type, such as "Exfiltration".
func (t Type) Tactic() string {
	tactic, _, ok := strings.Cut(string(t), ":")
	if !ok {
		return ""
	}
	return tactic
}

// Resource is what stands between colon and slash, such as "S3".
func (t Type) Resource() string {
	_, rest, _ := strings.Cut(string(t), ":")
	resource, _, _ := strings.Cut(rest, "/")
	return resource
}

// Technique is what stands after the slash, such as "AnomalousBehavior".
func (t Type) Technique() string {
	_, rest, _ := strings.Cut(string(t), ":")
	_, technique, _ := strings.Cut(rest, "/")
	return technique
}

// MITRE is the id of the ATT&CK tactic that the type's tactic is, such as "TA0010" for
// Exfiltration; "" for AWS's own words (Policy, PenTest, Trojan, AttackSequence, ...).
func (t Type) MITRE() string { return mitre[t.Tactic()] }

// mitre has the threat purposes that are tactics of ATT&CK by name (Amazon GuardDuty User
// Guide, "GuardDuty finding format"; ids: attack.mitre.org/tactics/enterprise), and the two
// older words that AWS itself files under a tactic when it sends them to Security Hub:
// Recon as "TTPs/Discovery", Stealth as "TTPs/Defense Evasion" (AWS Security Hub User Guide).
var mitre = map[string]string{
	"ResourceDevelopment": "TA0042",
	"InitialAccess":       "TA0001",
	"Execution":           "TA0002",
	"Persistence":         "TA0003",
	"PrivilegeEscalation": "TA0004",
	"DefenseEvasion":      "TA0005",
	"Stealth":             "TA0005",
	"CredentialAccess":    "TA0006",
	"Discovery":           "TA0007",
	"Recon":               "TA0007",
	"LateralMovement":     "TA0008",
	"Exfiltration":        "TA0010",
	"Impact":              "TA0040",
}
