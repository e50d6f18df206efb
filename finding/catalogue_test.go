package finding

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheCatalogueIsUpToDate(t *testing.T) {
	shared(t, "finding_types.tsv")
	out := filepath.Join(t.TempDir(), "types_gen.go")
	cmd := exec.Command("go", "run", "./gentypes", "-o", out)
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gentypes: %v\n%s", err, msg)
	}
	got, err := os.ReadFile("types_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("types_gen.go is not what go generate writes now; run go generate in package finding")
	}
}

func TestLookup(t *testing.T) {
	all := Catalogue()
	if len(all) != 252 {
		t.Errorf("the catalogue has %d types, not 252", len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b Info) int { return strings.Compare(string(a.Type), string(b.Type)) }) {
		t.Error("the catalogue is not ordered by type")
	}
	families := map[string]int{}
	for _, want := range all {
		got, ok := Lookup(want.Type)
		if !ok || got.Type != want.Type {
			t.Errorf("Lookup(%q) = %+v, %t", want.Type, got, ok)
		}
		if got.Family == "" || got.ResourceType == "" || got.DataSource == "" || got.Status == "" {
			t.Errorf("%s is known in part only: %+v", got.Type, got)
		}
		families[got.Family]++
	}
	for family, n := range map[string]int{"ec2": 43, "iam": 40, "s3": 24, "eks_audit": 36, "runtime": 46, "attack_sequence": 5, "cdr": 25, "ai": 3} {
		if families[family] != n {
			t.Errorf("%d types of family %s, want %d", families[family], family, n)
		}
	}
	for _, unknown := range []Type{"", "Exfiltration:S3/AnomalousBehavio", "~"} {
		if _, ok := Lookup(unknown); ok {
			t.Errorf("Lookup(%q) found something", unknown)
		}
	}
}

// The guess from a type's text against the catalogue, where AWS's names tell the family.
// Custom detection rules and AI Protection are named like the others, so they cannot be guessed.
func TestTheGuessAgreesWithTheCatalogue(t *testing.T) {
	for _, i := range Catalogue() {
		if i.Family == "cdr" || i.Family == "ai" {
			continue
		}
		if got := familyOfText(i.Type); got != "" && got != i.Family {
			t.Errorf("familyOfText(%s) = %q, want %q", i.Type, got, i.Family)
		}
	}
}

func TestFamilyOfUnknownTypes(t *testing.T) {
	tests := []struct {
		f    Finding
		want string
	}{
		{Finding{Type: "Impact:S3/SomethingNew"}, "s3"},
		{Finding{Type: "AttackSequence:RDS/SomethingNew"}, "attack_sequence"},
		{Finding{Type: "Impact:Runtime/MaliciousFileMoved"}, "runtime"},
		{Finding{Type: "Execution:EC2/MaliciousFile!Volume"}, "malware_backup"},
		{Finding{Type: "Canary:Quantum/X", Resource: Resource{Type: "Lambda"}}, "lambda"},
		{Finding{Type: "Canary:Quantum/X", Resource: Resource{Type: "Quantum"}, Action: Action{Type: "KUBERNETES_API_CALL"}}, "eks_audit"},
		{Finding{Type: "Canary:Quantum/X", Action: Action{Type: "AWS_API_CALL"}}, "iam"},
		{Finding{Type: "Canary:Quantum/X"}, "generic"},
		{Finding{}, "generic"},
	}
	for _, tt := range tests {
		if got := FamilyOf(tt.f); got != tt.want {
			t.Errorf("FamilyOf(%s, %s, %s) = %q, want %q", tt.f.Type, tt.f.Resource.Type, tt.f.Action.Type, got, tt.want)
		}
	}
}

func TestPartsOfAType(t *testing.T) {
	tests := []struct {
		t                                  Type
		tactic, resource, technique, mitre string
	}{
		{"Exfiltration:S3/AnomalousBehavior", "Exfiltration", "S3", "AnomalousBehavior", "TA0010"},
		{"Backdoor:EC2/C&CActivity.B!DNS", "Backdoor", "EC2", "C&CActivity.B!DNS", ""},
		{"Recon:EC2/Portscan", "Recon", "EC2", "Portscan", "TA0007"},
		{"Policy:S3/BucketAnonymousAccessGranted", "Policy", "S3", "BucketAnonymousAccessGranted", ""},
		{"nonsense", "", "", "", ""},
		{"A:B", "A", "B", "", ""},
		{"", "", "", "", ""},
	}
	for _, tt := range tests {
		if a, b, c, d := tt.t.Tactic(), tt.t.Resource(), tt.t.Technique(), tt.t.MITRE(); a != tt.tactic || b != tt.resource || c != tt.technique || d != tt.mitre {
			t.Errorf("%q has the parts %q, %q, %q, %q", tt.t, a, b, c, d)
		}
	}
}
