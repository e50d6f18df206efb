package fact

import "testing"

func TestToolIsTheFamily(t *testing.T) {
	for ua, want := range map[string][2]string{
		"aws-sdk-rust/1.3.8 os/linux lang/rust/1.75 Terraform/1.9.0":                                                      {"aws-sdk-rust", "1.3.8"}, // what is hung on behind changes nothing
		"Boto3/1.34.100 md/Botocore#1.34.100 ua/2.0":                                                                      {"Boto3", "1.34.100"},
		"Botocore/1.34.100 ua/2.0 os/linux":                                                                               {"Boto3", "1.34.100"},
		"[aws-cli/2.15.0 Python/3.11.6 Linux/6.5.0]":                                                                      {"aws-cli", "2.15.0"},
		"APN/1.0 HashiCorp/1.0 Terraform/1.9.0 (+https://www.terraform.io) aws-sdk-go-v2/1.30.0":                          {"Terraform", "1.9.0"},
		"APN/1.0 Unheard/1.0":                                                                                             {"APN", "1.0"},
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36":           {"Chrome", "128.0.0.0"},
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36 Edg/128.0.1": {"Edg", "128.0.1"},
		"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0":                                          {"Firefox", "130.0"},
		"[S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.750]":                                                           {"console.amazonaws.com", "0.4"},
		"signin.amazonaws.com":   {"console.amazonaws.com", ""},
		"AWS Internal":           {"aws-internal", ""},
		"<script>/1.0 Boto3/1.0": {"", ""},
		"":                       {"", ""},
	} {
		if name, version := Tool(ua); name != want[0] || version != want[1] {
			t.Errorf("Tool(%q) = %q, %q; want %q, %q", ua, name, version, want[0], want[1])
		}
	}
}
