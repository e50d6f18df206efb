package finding

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestShapesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for s := Shape(0); s <= OCSF; s++ {
		if seen[s.String()] {
			t.Errorf("%q names two shapes", s)
		}
		seen[s.String()] = true
	}
}

func TestFlattenedFieldsGrowBack(t *testing.T) {
	fields := map[string]any{
		"aws/guardduty/service/action/portProbeAction/portProbeDetails.0_/localPortDetails/port": "22",
		"aws/guardduty/service/action/portProbeAction/portProbeDetails.1_/localPortDetails/port": "3389",
		"aws/guardduty/service/action/portProbeAction/blocked":                                   "true",
		"aws/guardduty/service/additionalInfo/portsScannedSample.2_":                             "80",
		"aws/guardduty/service/additionalInfo/portsScannedSample.10_":                            "443",
		"aws/guardduty/service/additionalInfo/count":                                             "not ours to convert",
		"aws/guardduty/service/count":                                                            "twelve",
		"aws/guardduty/service/evidence":                                                         "",
		"aws/guardduty/service/evidence/threatIntelligenceDetails.0_/threatListName":             "Example",
		"aws/guardduty/service/x":                                                                "text",
		"aws/guardduty/service/x.0_":                                                             "element",
		"aws/guardduty/service/x/y":                                                              "member",
		"aws/guardduty/service/version.1":                                                        "no index",
		"archived":                                                                               "false",
		"aws/securityhub/ProductName":                                                            "GuardDuty",
		"custom":                                                                                 "somebody's",
	}
	got := serviceOfASFF(node{fields})
	want := map[string]any{
		"action": map[string]any{"portProbeAction": map[string]any{
			"blocked": true,
			"portProbeDetails": []any{
				map[string]any{"localPortDetails": map[string]any{"port": json.Number("22")}},
				map[string]any{"localPortDetails": map[string]any{"port": json.Number("3389")}},
			},
		}},
		"additionalInfo": map[string]any{"portsScannedSample": []any{"80", "443"}, "count": "not ours to convert"},
		"count":          "twelve",
		"evidence":       map[string]any{"threatIntelligenceDetails": []any{map[string]any{"threatListName": "Example"}}},
		"x":              []any{"element"}, // which of the three it is, Security Hub did not say
		"version.1":      "no index",
		"archived":       false,
	}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("service (-got +want):\n%s", d)
	}
}

func TestTypesOfSecurityHub(t *testing.T) {
	tests := []struct {
		names []string
		want  Type
	}{
		{[]string{"TTPs/Discovery/Recon:EC2-Portscan"}, "Recon:EC2/Portscan"},
		{[]string{"TTPs/Discovery/IAMUser-AnomalousBehavior"}, "Discovery:IAMUser/AnomalousBehavior"},
		{[]string{"TTPs/PenTest:IAMUser/KaliLinux"}, "PenTest:IAMUser/KaliLinux"},
		{[]string{"TTPs/AttackSequence:IAM/CompromisedCredentials"}, "AttackSequence:IAM/CompromisedCredentials"},
		{[]string{"TTPs/DefenseEvasion/EC2:Unusual-DNS-Resolver"}, "DefenseEvasion:EC2/UnusualDNSResolver"},                      // the table
		{[]string{"TTPs/Defense Evasion/DefenseEvasion:EC2-UnusualDNSResolver"}, "DefenseEvasion:EC2/UnusualDNSResolver"},        // a real finding
		{[]string{"Software and Configuration Checks/Exfiltration:S3.ObjectRead.Unusual"}, "Exfiltration:S3/ObjectRead.Unusual"}, // another
		{[]string{"TTPs/AnomalousBehavior/Execution:Kubernetes-ExecInPod"}, "Execution:Kubernetes/AnomalousBehavior.ExecInPod"},
		{[]string{"Unusual Behaviors/User/Nothing", "TTPs/Discovery/Recon:EC2-Portscan"}, "Recon:EC2/Portscan"},
		{[]string{"Effects/Resource Consumption/CryptoCurrency:Lambda-BitcoinTool.B"}, "CryptoCurrency:Lambda/BitcoinTool.B"},
		{[]string{"Recon:EC2/Portscan"}, "Recon:EC2/Portscan"}, // GuardDuty's own name
		{[]string{"TTPs/Impact/Impact:Quantum-QubitsStolen.Some-Thing"}, "Impact:Quantum/QubitsStolen.Some-Thing"},
		{[]string{"TTPs/Lateral Movement/Quantum-Tunnel"}, "LateralMovement:Quantum/Tunnel"},
		{[]string{"whatever"}, "whatever"},
		{nil, ""},
	}
	for _, tt := range tests {
		if got := typeOfASFF(tt.names); got != tt.want {
			t.Errorf("typeOfASFF(%q) = %q, want %q", tt.names, got, tt.want)
		}
	}
	for _, i := range Catalogue() {
		for _, name := range i.ASFFTypes {
			if got := typeOfASFF([]string{name}); got != i.Type {
				t.Errorf("typeOfASFF(%q) = %q, want %q", name, got, i.Type)
			}
		}
	}
}

func TestFoldingKeepsTypesApart(t *testing.T) {
	seen := map[string]Type{}
	for _, i := range Catalogue() {
		f := foldType(string(i.Type))
		if other, ok := seen[f]; ok {
			t.Errorf("%s and %s fold to %s", i.Type, other, f)
		}
		seen[f] = i.Type
	}
}
