package finding

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// anyValue draws a JSON value whose names are those that the reader treats specially, in
// both spellings, and some that it does not know.
func anyValue(t *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	if depth == 0 && kind > 5 {
		kind -= 5
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.SampledFrom([]json.Number{"0", "7", "-1", "8.0", "1e999", "1740516006.721", "99999999999999999999"}).Draw(t, "number")
	case 3:
		return rapid.SampledFrom([]string{"", "a", "AwsS3Bucket", "AwsIamAccessKey", "AwsEc2Instance", "arn:aws:guardduty:r:1:detector/d/finding/f", "arn:aws:s3:::b", "2025-09-09T00:00:00Z", "198.51.100.23", "true", "12"}).Draw(t, "text")
	case 4:
		return rapid.String().Draw(t, "any text")
	case 5: // JSON inside text, as in additionalInfo.value
		b, err := json.Marshal(anyObject(t, max(depth-1, 0)))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	case 6, 7:
		list := make([]any, rapid.IntRange(0, 3).Draw(t, "length"))
		for i := range list {
			list[i] = anyValue(t, depth-1)
		}
		return list
	default:
		return anyObject(t, depth-1)
	}
}

func anyObject(t *rapid.T, depth int) map[string]any {
	names := []string{
		"service", "Service", "resource", "Resource", "additionalInfo", "AdditionalInfo", "value", "Value", "type", "Type", "sample",
		"action", "awsApiCallAction", "affectedResources", "AffectedResources", "AWS::S3::Bucket", "detection", "anomaly", "profiles", "unusual", "behavior",
		"account", "name", "Name", "productCodes", "Code", "location", "Latitude", "lat", "a", "A", "received", "shape", "s3BucketDetails", "detail", "Detail", "é", "K", "unmapped",
		"ProductFields", "Resources", "Types", "Details", "Id", "id", "aws/guardduty/service/count", "action/x", "action", "action.0_/x", "additionalInfo", "Severity", "Product", "Sample", "evidences", "api",
	}
	object := map[string]any{}
	for range rapid.IntRange(0, 4).Draw(t, "members") {
		object[rapid.SampledFrom(names).Draw(t, "name")] = anyValue(t, max(depth, 0))
	}
	return object
}

// Whatever is inside a finding of any shape: it is read, prints, and reads again as the same.
func TestAnyFindingReadsAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := anyObject(t, 4)
		const arn = "arn:aws:guardduty:ap-northeast-1:111122223333:detector/d/finding/f"
		switch rapid.IntRange(0, 4).Draw(t, "shape") {
		case 0:
			doc["id"], doc["type"] = "f", "A:B/C"
		case 1:
			doc["Id"], doc["Type"] = "f", "A:B/C"
		case 2:
			doc["id"], doc["type"] = "f", "A:B/C"
			doc = map[string]any{"detail": doc, "account": "1", "x": nil}
		case 3:
			doc["Id"], doc["Types"], doc["AwsAccountId"] = arn, []any{"TTPs/Discovery/Recon:EC2-Portscan"}, "111122223333"
		case 4:
			doc["class_uid"], doc["finding_info"] = 2004, map[string]any{"uid": arn, "types": []any{"x"}}
		}
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		fs, err := Parse(text)
		if err != nil {
			return // two spellings of one name, or our own member
		}
		for _, f := range fs {
			printed, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Parse(printed)
			if err != nil || len(again) != 1 {
				t.Fatalf("%s\nprints as %s\nwhich reads as %d findings: %v", text, printed, len(again), err)
			}
			if d := cmp.Diff(again[0], f); d != "" {
				t.Errorf("%s\nprints as %s\nwhich reads differently:\n%s", text, printed, d)
			}
		}
	})
}
