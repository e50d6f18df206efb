package finding_test

import (
	"fmt"

	"uratori/finding"
)

func ExampleParse() {
	fs, err := finding.Parse([]byte(`{
	  "Id": "0123456789abcdef0123456789abcdef", "Type": "Exfiltration:S3/AnomalousBehavior", "Severity": 8,
	  "AccountId": "111122223333", "Region": "ap-northeast-1",
	  "Resource": {"ResourceType": "S3Bucket", "S3BucketDetails": [{"Name": "example-ledger"}]}
	}`))
	if err != nil {
		panic(err)
	}
	f := fs[0]
	fmt.Println(f.CaseID(), f.Type.Tactic(), f.Type.MITRE(), f.Band(), finding.FamilyOf(f), f.Resource.Name)

	_, err = finding.Parse([]byte(`{"eventName": "GetObject"}`))
	fmt.Println(err)
	// Output:
	// fbb66ef71e87 Exfiltration TA0010 High s3 example-ledger
	// parse finding: document 1 (line 1, byte 0): this is JSON but no GuardDuty finding: no "type" and "id" (it has "eventName"); give a finding as GetFindings, EventBridge, S3 export or Security Hub writes it
}
