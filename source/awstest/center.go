package awstest

import (
	"slices"
	"strconv"
)

// CenterARN is the ARN of the instance of IAM Identity Center.
const CenterARN = "arn:aws:sso:::instance/ssoins-0123456789abcdef"

// A PermissionSet is a permission set of IAM Identity Center.
type PermissionSet struct {
	ID          string // such as ps-0123456789abcdef
	Name        string // as the model has it, such as DataUser
	Description string // "" for none
	Duration    string // of sessions, such as PT8H
	Managed     []string
	Customer    [][2]string // paths and names of customer managed policies; a path may be ""
	Inline      string      // policy document; "" for none
	Boundary    string      // ARN of a policy of AWS's; "" for none
	Limit       [2]string   // path and name of a customer managed policy as the boundary instead
	Provisioned []string    // accounts
	Assigned    []Assignment
}

// An Assignment gives a permission set to a user or a group in an account.
type Assignment struct {
	Account string
	Type    string // USER or GROUP
	ID      string
}

func (p PermissionSet) arn() string {
	return "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/" + p.ID
}

// center are the handlers of SSO Admin.
func (w World) center() map[string]Handler {
	return map[string]Handler{
		"ListInstances": w.instances, "ListPermissionSetsProvisionedToAccount": w.provisioned,
		"DescribePermissionSet": w.ofSet(func(p PermissionSet, _ Request) (any, error) {
			out := map[string]any{"Name": p.Name, "PermissionSetArn": p.arn(), "CreatedDate": w.CenterMade}
			for name, s := range map[string]string{"Description": p.Description, "SessionDuration": p.Duration} {
				if s != "" {
					out[name] = s
				}
			}
			return map[string]any{"PermissionSet": out}, nil
		}),
		"ListManagedPoliciesInPermissionSet": w.ofSet(func(p PermissionSet, req Request) (any, error) {
			return w.listed(req, "AttachedManagedPolicies", len(p.Managed), func(i int) any {
				return map[string]any{"Name": policyName(p.Managed[i]), "Arn": p.Managed[i]}
			})
		}),
		"ListCustomerManagedPolicyReferencesInPermissionSet": w.ofSet(func(p PermissionSet, req Request) (any, error) {
			return w.listed(req, "CustomerManagedPolicyReferences", len(p.Customer), func(i int) any { return reference(p.Customer[i]) })
		}),
		"GetInlinePolicyForPermissionSet": w.ofSet(func(p PermissionSet, _ Request) (any, error) {
			if p.Inline == "" {
				return map[string]any{}, nil
			}
			return map[string]any{"InlinePolicy": p.Inline}, nil
		}),
		"GetPermissionsBoundaryForPermissionSet": w.ofSet(func(p PermissionSet, _ Request) (any, error) {
			switch {
			case p.Limit[1] != "":
				return map[string]any{"PermissionsBoundary": map[string]any{"CustomerManagedPolicyReference": reference(p.Limit)}}, nil
			case p.Boundary != "":
				return map[string]any{"PermissionsBoundary": map[string]any{"ManagedPolicyArn": p.Boundary}}, nil
			}
			return nil, &Error{Code: "ResourceNotFoundException", Message: "PermissionsBoundary not present"}
		}),
		"ListAccountAssignments": w.ofSet(func(p PermissionSet, req Request) (any, error) {
			var in []Assignment
			for _, a := range p.Assigned {
				if a.Account == req.Text("AccountId") {
					in = append(in, a)
				}
			}
			return w.listed(req, "AccountAssignments", len(in), func(i int) any {
				return map[string]any{"AccountId": in[i].Account, "PermissionSetArn": p.arn(), "PrincipalType": in[i].Type, "PrincipalId": in[i].ID}
			})
		}),
	}
}

// mayCenter refuses everybody but the organisation's account, and requests about another instance.
func (w World) mayCenter(req Request) error {
	switch {
	case req.Account != w.Organization:
		return &Error{Code: "AccessDeniedException", Message: "User: " + req.ARN + " is not authorized to perform: sso:" + req.Operation}
	case req.Region != w.CenterRegion || req.Text("InstanceArn") != CenterARN:
		return &Error{Code: "ResourceNotFoundException", Message: "The instance was not found."}
	}
	return nil
}

// instances are those of the account in the Region asked; the others have none of their own.
func (w World) instances(req Request) (any, error) {
	list := []any{}
	if req.Account == w.Organization && req.Region == w.CenterRegion && w.Store != "" {
		list = append(list, map[string]any{
			"InstanceArn": CenterARN, "IdentityStoreId": w.Store, "OwnerAccountId": w.Organization, "Name": "workforce", "CreatedDate": w.CenterMade, "Status": "ACTIVE",
		})
	}
	return w.listed(req, "Instances", len(list), func(i int) any { return list[i] })
}

func (w World) provisioned(req Request) (any, error) {
	if err := w.mayCenter(req); err != nil {
		return nil, err
	}
	account := req.Text("AccountId")
	if _, ok := w.Accounts[account]; !ok {
		return nil, &Error{Code: "ResourceNotFoundException", Message: "The account was not found in the organization."}
	}
	var arns []string
	for _, p := range w.PermissionSets {
		if slices.Contains(p.Provisioned, account) {
			arns = append(arns, p.arn())
		}
	}
	return w.listed(req, "PermissionSets", len(arns), func(i int) any { return arns[i] })
}

// ofSet answers about the permission set that a request names.
func (w World) ofSet(answer func(p PermissionSet, req Request) (any, error)) Handler {
	return func(req Request) (any, error) {
		if err := w.mayCenter(req); err != nil {
			return nil, err
		}
		for _, p := range w.PermissionSets {
			if p.arn() == req.Text("PermissionSetArn") {
				return answer(p, req)
			}
		}
		return nil, &Error{Code: "ResourceNotFoundException", Message: "The permission set was not found."}
	}
}

// listed is a page of n elements under a name; it holds no more than the request wants.
func (w World) listed(req Request, name string, n int, at func(int) any) (any, error) {
	all := make([]any, 0, n)
	for i := range n {
		all = append(all, at(i))
	}
	size := w.PageSize
	if most, ok := req.Input["MaxResults"].(int64); ok {
		size = min(size, int(most))
	}
	some, next, ok := page(all, size, req.Text("NextToken"))
	if !ok {
		return nil, &Error{Code: "ValidationException", Message: "Invalid token " + strconv.Quote(req.Text("NextToken"))}
	}
	return map[string]any{name: some, "NextToken": next}, nil
}

// reference is a customer managed policy by path and name.
func reference(of [2]string) map[string]any {
	out := map[string]any{"Name": of[1]}
	if of[0] != "" {
		out["Path"] = of[0]
	}
	return out
}
