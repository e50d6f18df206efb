package fact

import "strings"

// A product is a name and a version of a user agent (RFC 9110, section 10.1.5), such as Boto3/1.34.100.
type product struct{ name, version string }

// families are the user agents whose first product does not tell the program, by that product: a
// later one does, the first of the list that is there. A user agent is taken for one of a family only
// by the way it begins, so that what somebody hangs on behind changes nothing.
//
// Sources: browsers keep Mozilla/5.0 in front for compatibility (RFC 9110, section 10.1.5 and MDN,
// "User-Agent"); the partner network's products APN and HashiCorp stand before Terraform and Pulumi
// (terraform-provider-aws, "custom user agent"; pulumi-aws).
var families = map[string][]string{
	"Mozilla":   {"Edg", "OPR", "Firefox", "Chrome", "Safari"},
	"APN":       {"Terraform", "OpenTofu", "Pulumi", "terraform-provider-aws"},
	"HashiCorp": {"Terraform", "OpenTofu", "terraform-provider-aws"},
}

// sameTool are first products that are one and the same program to whoever uses it: botocore is what
// Boto3 is made of, and the console calls under the names of its parts (CloudTrail User Guide,
// "CloudTrail record contents", userAgent).
var sameTool = map[string]string{
	"Botocore":               "Boto3",
	"aiobotocore":            "Boto3",
	"S3Console":              "console.amazonaws.com",
	"signin.amazonaws.com":   "console.amazonaws.com",
	"console.aws.amazon.com": "console.amazonaws.com",
	"AWSConsole":             "console.amazonaws.com",
	"AWS":                    "aws-internal", // "AWS Internal"
}

// Tool is the family of a user agent and the version of the program: the first product, or the one
// that names the program where the first does not. The brackets that Amazon S3 puts around the same
// client's user agent are taken off first. Both are empty when the first word is no name of a product.
func Tool(userAgent string) (name, version string) {
	ua := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(userAgent), "["), "]")
	words := strings.Fields(ua)
	if len(words) == 0 {
		return "", ""
	}
	first, ok := productOf(words[0])
	if !ok {
		return "", ""
	}
	for _, want := range families[first.name] {
		for _, w := range words[1:min(len(words), maxProducts)] {
			if p, ok := productOf(w); ok && p.name == want && p.version != "" {
				return p.name, p.version
			}
		}
	}
	if same, ok := sameTool[first.name]; ok {
		first.name = same
	}
	return first.name, first.version
}

// maxProducts is how far a user agent is read; no client is known that says its name later.
const maxProducts = 32

// productOf reads name/version, or a name alone.
func productOf(word string) (product, bool) {
	word = strings.TrimRight(word, ",")
	name, version, ok := strings.Cut(word, "/")
	if ok && plain(name) && plain(version) {
		return product{name, version}, true
	}
	return product{word, ""}, plain(word)
}
