package kinds

import (
	"bytes"
	"strings"
	"testing"

	"uratori/finding"
)

func TestTypesAreTheCatalogue(t *testing.T) {
	if n := len(Types()); n != 252 {
		t.Errorf("%d types, want 252", n)
	}
	if _, err := Generate("Recon:EC2/Nonsense", Options{}); err == nil {
		t.Error("a type that is not in the catalogue was generated")
	}
}

// The same type, seed and story are the same bytes; another seed or story is not.
func TestFindingsAreTheSameAgain(t *testing.T) {
	for _, kind := range Types() {
		write := func(o Options) []byte {
			d, err := Generate(kind, o)
			if err != nil {
				t.Fatal(err)
			}
			data, err := d.JSON(Export)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		one := write(Options{Seed: 1})
		if !bytes.Equal(one, write(Options{})) {
			t.Errorf("%s: two runs differ", kind)
		}
		if bytes.Equal(one, write(Options{Seed: 2})) || bytes.Equal(one, write(Options{Benign: true})) {
			t.Errorf("%s: another seed or story gives the same finding", kind)
		}
	}
}

// Our reader sees what was written: type, family, kind and name of the resource, the same in
// every form.
func TestFindingsAreRead(t *testing.T) {
	for _, kind := range Types() {
		for _, o := range []Options{{}, {Seed: 2, Benign: true}, {Seed: 3, Sample: true}, {Seed: 4}} {
			d, err := Generate(kind, o)
			if err != nil {
				t.Fatal(err)
			}
			var read []finding.Finding
			for _, form := range []Form{Export, EventBridge, GetFindings} {
				data, err := d.JSON(form)
				if err != nil {
					t.Fatal(err)
				}
				fs, err := finding.Parse(data)
				if err != nil || len(fs) != 1 {
					t.Fatalf("%s: read %d findings, %v", kind, len(fs), err)
				}
				read = append(read, fs[0])
			}
			for i, f := range read {
				if f.Shape != []finding.Shape{finding.Export, finding.EventBridge, finding.GetFindings}[i] {
					t.Errorf("%s: read as %s", kind, f.Shape)
				}
				if f.Type != kind || finding.FamilyOf(f) != d.Family || f.Resource.Type != d.Resource || f.Resource.Name != d.Name || f.Resource.Name == "" {
					t.Errorf("%s: read as %s of %s, %s %q; want %s, %s %q", kind, f.Type, finding.FamilyOf(f), f.Resource.Type, f.Resource.Name, d.Family, d.Resource, d.Name)
				}
				if f.Sample != o.Sample || f.Count == 0 || f.FirstSeen.IsZero() || f.LastSeen.Before(f.FirstSeen) || !f.Created.After(f.LastSeen) {
					t.Errorf("%s: sample %t, count %d, from %s to %s, created %s", kind, f.Sample, f.Count, f.FirstSeen, f.LastSeen, f.Created)
				}
				if f.Severity < 1 || f.Severity > 10 || f.Account == "" || f.Region == "" || f.DetectorID == "" {
					t.Errorf("%s: severity %v in %s %s by %s", kind, f.Severity, f.Account, f.Region, f.DetectorID)
				}
				info, _ := finding.Lookup(kind)
				if want := strings.Split(info.ResourceType, "|"); !contains(want, f.Resource.Type) && d.Family != "cdr" {
					t.Errorf("%s: the resource is %s; the catalogue says %v", kind, f.Resource.Type, want)
				}
				g := read[0]
				if f.Action.Type != g.Action.Type || f.Action.API != g.Action.API || f.Action.Remote != g.Action.Remote || f.Action.Domain != g.Action.Domain ||
					f.UserAgent != g.UserAgent || len(f.ThreatLists) != len(g.ThreatLists) || len(f.Anomaly.Unusual) != len(g.Anomaly.Unusual) {
					t.Errorf("%s: read otherwise as %s than as %s", kind, f.Shape, g.Shape)
				}
			}
			check(t, d, read[0])
		}
	}
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// check holds a finding against what its family cannot do without.
func check(t *testing.T, d Document, f finding.Finding) {
	t.Helper()
	want := map[string]string{"iam": "AWS_API_CALL", "s3": "AWS_API_CALL", "cdr": "AWS_API_CALL", "ai": "AWS_API_CALL", "eks_audit": "KUBERNETES_API_CALL", "rds": "RDS_LOGIN_ATTEMPT", "lambda": "NETWORK_CONNECTION"}[d.Family]
	if want != "" && f.Action.Type != want {
		t.Errorf("%s: the action is %q, want %q", d.Type, f.Action.Type, want)
	}
	has := func(path string) bool { _, ok := f.At(path); return ok }
	switch d.Family {
	case "ec2":
		if f.Action.Type == "" || f.Resource.Instance.ID == "" || f.Resource.Instance.VPC == "" {
			t.Errorf("%s: action %q on instance %q in %q", d.Type, f.Action.Type, f.Resource.Instance.ID, f.Resource.Instance.VPC)
		}
	case "runtime":
		if !has("service.runtimeDetails.process.lineage.1.name") || !has("service.action") {
			t.Errorf("%s: no process with its lineage", d.Type)
		}
	case "malware_ebs":
		if !has("service.ebsVolumeScanDetails.scanDetections.threatDetectedByName.threatNames.0.filePaths.0.hash") {
			t.Errorf("%s: no file", d.Type)
		}
	case "malware_s3", "malware_backup":
		if !has("service.malwareScanDetails.threats.0.itemDetails.0.resourceArn") {
			t.Errorf("%s: no threat", d.Type)
		}
	case "attack_sequence":
		if f.Sequence == nil || len(f.Sequence.Signals) < 2 || len(f.Sequence.Actors) == 0 || len(f.Sequence.Indicators) == 0 || len(f.Sequence.Resources) == 0 {
			t.Errorf("%s: the sequence is %+v", d.Type, f.Sequence)
		} else if g := f.Sequence.Signals[0]; g.Type != "FINDING" || !strings.HasPrefix(g.UID, "arn:aws:guardduty:") || g.FirstSeen.IsZero() {
			t.Errorf("%s: the first signal is %+v", d.Type, g)
		}
	case "eks_audit":
		if f.Action.Verb == "" || f.Action.RequestURI == "" || !has("resource.kubernetesDetails.kubernetesUserDetails.username") {
			t.Errorf("%s: %q %q by nobody", d.Type, f.Action.Verb, f.Action.RequestURI)
		}
	case "rds":
		if !has("service.action.rdsLoginAttemptAction.loginAttributes.0.failedLoginAttempts") && d.Type.Tactic() != "Discovery" {
			t.Errorf("%s: no attempts", d.Type)
		}
	case "ai":
		if !has("service.detection.anomaly.unusual.behavior.userIdentity.tokens.observations.number.0") && !has("resource.bedrockGuardrailDetails.guardrailAction") {
			t.Errorf("%s: neither a deviation nor a guardrail", d.Type)
		}
	}
	if strings.HasSuffix(string(d.Type), "AnomalousBehavior") && len(f.Anomaly.APIs) != 1 {
		t.Errorf("%s: anomalous APIs are %v", d.Type, f.Anomaly.APIs)
	}
}
