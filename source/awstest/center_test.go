package awstest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
)

// The double of SSO Admin answers the organisation's account alone, in the Region of the instance, page
// by page, and the official client understands it.
func TestPermissionSetsArePaged(t *testing.T) {
	const member, arn = "111122223333", "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0000000000000001"
	s := New(t, "sso-admin")
	s.Serve(World{
		Store: "d-1234567890", CenterRegion: "us-east-1", Accounts: map[string]OrgAccount{member: {}, Home: {}},
		PermissionSets: []PermissionSet{
			{
				ID: "ps-0000000000000001", Name: "One", Duration: "PT2H", Provisioned: []string{member}, Customer: [][2]string{{"/a/", "x"}, {"", "y"}, {"/", "z"}},
				Assigned: []Assignment{{Account: member, Type: "GROUP", ID: "906747f1-3a0c-4f0e-9a51-1d1c2b3a4d5e"}, {Account: Home, Type: "USER", ID: "906747f1-3a0c-4f0e-9a51-1d1c2b3a4d5f"}},
			},
			{ID: "ps-0000000000000002", Name: "Two", Provisioned: []string{member, Home}},
			{ID: "ps-0000000000000003", Name: "Three", Provisioned: []string{member}},
		},
	})
	client := func(c Credential, region string) *ssoadmin.Client {
		return ssoadmin.New(ssoadmin.Options{
			Region: region, BaseEndpoint: aws.String("https://aws.example"), Credentials: credentials(c), Retryer: aws.NopRetryer{}, HTTPClient: &http.Client{Transport: s.Transport()},
		})
	}
	c, instance := client(s.Base(), "us-east-1"), aws.String(CenterARN)
	provisioned := func(c *ssoadmin.Client, account string, most *int32) (arns []string, pages int, err error) {
		for token := (*string)(nil); pages == 0 || token != nil; pages++ {
			out, err := c.ListPermissionSetsProvisionedToAccount(t.Context(), &ssoadmin.ListPermissionSetsProvisionedToAccountInput{InstanceArn: instance, AccountId: aws.String(account), MaxResults: most, NextToken: token})
			if err != nil {
				return nil, pages, err
			}
			arns, token = append(arns, out.PermissionSets...), out.NextToken
		}
		return arns, pages, nil
	}
	for most, want := range map[int32]int{1: 3, 2: 2, 100: 2} {
		arns, pages, err := provisioned(c, member, aws.Int32(most))
		if err != nil || len(arns) != 3 || pages != want {
			t.Errorf("%d at most: %v on %d pages, %v; want 3 on %d", most, arns, pages, err, want)
		}
	}
	if arns, _, err := provisioned(c, Home, nil); err != nil || len(arns) != 1 || !strings.HasSuffix(arns[0], "2") {
		t.Errorf("of another account: %v, %v", arns, err)
	}
	if _, _, err := provisioned(c, "999988887777", nil); code(err) != "ResourceNotFoundException" {
		t.Errorf("of an account of nobody: %v", err)
	}
	set, err := c.DescribePermissionSet(t.Context(), &ssoadmin.DescribePermissionSetInput{InstanceArn: instance, PermissionSetArn: aws.String(arn)})
	if err != nil || aws.ToString(set.PermissionSet.Name) != "One" || aws.ToString(set.PermissionSet.SessionDuration) != "PT2H" || set.PermissionSet.Description != nil || set.PermissionSet.CreatedDate == nil {
		t.Errorf("%+v, %v", set, err)
	}
	assigned, err := c.ListAccountAssignments(t.Context(), &ssoadmin.ListAccountAssignmentsInput{InstanceArn: instance, PermissionSetArn: aws.String(arn), AccountId: aws.String(member)})
	if err != nil || len(assigned.AccountAssignments) != 1 || assigned.AccountAssignments[0].PrincipalType != "GROUP" {
		t.Errorf("%+v, %v", assigned, err)
	}
	for what, do := range map[string]func() error{
		"a set of nobody": func() error {
			_, err := c.GetInlinePolicyForPermissionSet(t.Context(), &ssoadmin.GetInlinePolicyForPermissionSetInput{InstanceArn: instance, PermissionSetArn: aws.String(arn[:len(arn)-1] + "9")})
			return err
		},
		"a boundary that is not there": func() error {
			_, err := c.GetPermissionsBoundaryForPermissionSet(t.Context(), &ssoadmin.GetPermissionsBoundaryForPermissionSetInput{InstanceArn: instance, PermissionSetArn: aws.String(arn)})
			return err
		},
		"the instance of another Region": func() error {
			_, _, err := provisioned(client(s.Base(), Region), member, nil)
			return err
		},
	} {
		if err := do(); code(err) != "ResourceNotFoundException" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for region, want := range map[string]int{"us-east-1": 1, Region: 0} {
		if out, err := client(s.Base(), region).ListInstances(t.Context(), &ssoadmin.ListInstancesInput{}); err != nil || len(out.Instances) != want {
			t.Errorf("instances in %s: %+v, %v; want %d", region, out, err, want)
		}
	}
	other := Credential{AccessKeyID: "AKIAEXAMPLE000000002", SecretAccessKey: "invented/secret/of/a/member/account/0002", Account: member, ARN: "arn:aws:iam::111122223333:user/uratori"}
	s.AddCredential(other)
	if _, _, err := provisioned(client(other, "us-east-1"), member, nil); code(err) != "AccessDeniedException" {
		t.Errorf("a member account: %v", err)
	}
	_, err = c.ListPermissionSetsProvisionedToAccount(t.Context(), &ssoadmin.ListPermissionSetsProvisionedToAccountInput{InstanceArn: instance, AccountId: aws.String(member), NextToken: aws.String("page-7")})
	if code(err) != "ValidationException" {
		t.Errorf("a token that no page gave: %v", err)
	}
	// The model's limits are the double's.
	s.Tolerate()
	if _, _, err := provisioned(c, member, aws.Int32(101)); code(err) != "ValidationException" || len(s.Violations()) != 1 {
		t.Errorf("101 a page: %v, violations %v", err, s.Violations())
	}
}
