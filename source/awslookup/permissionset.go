package awslookup

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	ssotypes "github.com/aws/aws-sdk-go-v2/service/ssoadmin/types"

	"uratori/evidence"
	"uratori/source/awsconn"
	"uratori/source/call"
)

// Paces are how fast APIs of look-ups may be called, by IAM's name of the action. Those of IAM
// Identity Center share 20 calls a second with everybody who administers it (IAM Identity Center User
// Guide, "Quotas", throttle limits), and only this one is called as often as an account has sets.
var Paces = map[string]call.Pace{"sso:DescribePermissionSet": {PerSecond: 10, Burst: 10}}

// The forms of the SSO Admin API (SSO Admin API Reference, PermissionSetName, InstanceArn and
// PermissionSetArn). ARNs become words of commands that are printed.
var (
	setNameForm = regexp.MustCompile(`^[\w+=,.@-]{1,32}$`)
	centerForm  = regexp.MustCompile(`^arn:aws(?:-[a-z]{1,5}){0,3}:sso:::instance/(?:sso)?ins-[a-zA-Z0-9.-]{16}$`)
	setForm     = regexp.MustCompile(`^arn:aws(?:-[a-z]{1,5}){0,3}:sso:::permissionSet/(?:sso)?ins-[a-zA-Z0-9.-]{16}/ps-[a-zA-Z0-9./-]{16}$`)
)

// notThere is the code by which SSO Admin says that there is none.
const notThere = "ResourceNotFoundException"

// fromCenter is a call of IAM Identity Center. It is asked where the Identity Store is.
func (k *looking) fromCenter(api, as string) ask {
	return ask{api: api, as: "sso-admin " + as, owner: k.opt.IdentityStore.Account, region: k.opt.IdentityStore.Region}
}

// setNames are the names of permission sets by their ARNs. A set keeps its name for life: nothing in
// UpdatePermissionSet changes it (SSO Admin API Reference). So one that has another name is not asked again.
type setNames struct {
	mu   sync.Mutex
	held map[string]string
}

// maxSetNames bounds them; an instance may have 3,500 sets (IAM Identity Center User Guide, "Quotas").
const maxSetNames = 10_000

func (n *setNames) another(arn, name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	have, ok := n.held[arn]
	return ok && have != name
}

func (n *setNames) keep(arn, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.held == nil || len(n.held) >= maxSetNames {
		n.held = map[string]string{}
	}
	n.held[arn] = name
}

// permissionSet describes a permission set by its name, and tells who is assigned to it in an account.
// The API finds no set by its name: those of the account are described until the name fits.
func (k *looking) permissionSet() error {
	name, account := k.what.Key, k.what.Account
	switch {
	case !setNameForm.MatchString(name):
		return unknowable("this is no name of a permission set")
	case !accountForm.MatchString(account):
		return unknowable("an account id has 12 digits")
	}
	instance, err := k.center()
	if err != nil {
		return err
	}
	sets, err := k.provisioned(instance, account)
	if err != nil {
		return err
	}
	for _, arn := range sets {
		if k.names.another(arn, name) {
			continue
		}
		found, err := k.describe(instance, arn, name)
		if err != nil {
			return err
		}
		if found {
			k.noted("sso-admin describe-permission-set --instance-arn " + instance + " --permission-set-arn " + arn)
			return k.partsOfSet(instance, arn, account)
		}
	}
	return &nothing{evidence.Empty, "no permission set of this name is provisioned to the account"}
}

// center is the instance of IAM Identity Center that the Identity Store belongs to.
func (k *looking) center() (instance string, err error) {
	err = pages(func(token *string) (next *string, err error) {
		err = k.main(k.fromCenter("sso:ListInstances", "list-instances"), func(ctx context.Context, cfg aws.Config) error {
			out, err := ssoadmin.NewFromConfig(cfg).ListInstances(ctx, &ssoadmin.ListInstancesInput{NextToken: token})
			if err != nil {
				return err
			}
			for _, i := range out.Instances {
				if aws.ToString(i.IdentityStoreId) != k.opt.IdentityStore.ID {
					continue
				}
				if instance = aws.ToString(i.InstanceArn); !centerForm.MatchString(instance) {
					return missing("the instance's ARN")
				}
			}
			next = out.NextToken
			return nil
		})
		return next, err
	})
	if err == nil && instance == "" {
		err = unknowable("%v in the account and Region asked", ErrNoCenter)
	}
	return instance, err
}

// provisioned are the permission sets of the account, by ARN.
func (k *looking) provisioned(instance, account string) (sets []string, err error) {
	err = pages(func(token *string) (next *string, err error) {
		a := k.fromCenter("sso:ListPermissionSetsProvisionedToAccount", "list-permission-sets-provisioned-to-account --instance-arn "+instance+" --account-id "+account)
		err = k.main(a, func(ctx context.Context, cfg aws.Config) error {
			out, err := ssoadmin.NewFromConfig(cfg).ListPermissionSetsProvisionedToAccount(ctx, &ssoadmin.ListPermissionSetsProvisionedToAccountInput{
				InstanceArn: aws.String(instance), AccountId: aws.String(account), MaxResults: aws.Int32(perPage), NextToken: token,
			})
			if err != nil {
				return err
			}
			for _, arn := range out.PermissionSets {
				if !setForm.MatchString(arn) {
					return missing("the ARN of a permission set")
				}
				sets = append(sets, arn)
			}
			next = out.NextToken
			return nil
		})
		return next, err
	})
	if awsconn.Code(err) == notThere {
		return nil, unknowable("IAM Identity Center does not know the account")
	}
	return unique(sets), err
}

// perPage is the largest page of SSO Admin's lists (SSO Admin API Reference, MaxResults).
const perPage = 100

// describe asks after one permission set, and fills in the record if it has the name. One that was
// deleted meanwhile has none.
func (k *looking) describe(instance, arn, name string) (found bool, err error) {
	a := k.fromCenter("sso:DescribePermissionSet", `describe-permission-set --instance-arn `+instance+` --permission-set-arn "$ARN" # each that was listed, until the name fits`)
	err = k.main(a, func(ctx context.Context, cfg aws.Config) error {
		out, err := ssoadmin.NewFromConfig(cfg).DescribePermissionSet(ctx, &ssoadmin.DescribePermissionSetInput{InstanceArn: aws.String(instance), PermissionSetArn: aws.String(arn)})
		if err != nil {
			return err
		}
		s := out.PermissionSet
		if s == nil || aws.ToString(s.PermissionSetArn) != arn || aws.ToString(s.Name) == "" {
			return missing("the permission set")
		}
		k.names.keep(arn, *s.Name)
		if found = *s.Name == name; found {
			k.body.PermissionSet = &evidence.LookedPermissionSet{ARN: arn, Name: name, Description: aws.ToString(s.Description), Duration: aws.ToString(s.SessionDuration)}
		}
		return nil
	})
	if awsconn.Code(err) == notThere {
		return false, nil
	}
	return found, err
}

// partsOfSet tells what the set permits, and to whom.
func (k *looking) partsOfSet(instance, arn, account string) error {
	set := k.body.PermissionSet
	of := " --instance-arn " + instance + " --permission-set-arn " + arn
	ok, err := k.listing(k.fromCenter("sso:ListManagedPoliciesInPermissionSet", "list-managed-policies-in-permission-set"+of), func(ctx context.Context, cfg aws.Config, token *string) (*string, error) {
		out, err := ssoadmin.NewFromConfig(cfg).ListManagedPoliciesInPermissionSet(ctx, &ssoadmin.ListManagedPoliciesInPermissionSetInput{
			InstanceArn: aws.String(instance), PermissionSetArn: aws.String(arn), MaxResults: aws.Int32(perPage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, p := range out.AttachedManagedPolicies {
			if aws.ToString(p.Arn) == "" {
				return nil, missing("the ARN of a policy")
			}
			set.Attached = append(set.Attached, *p.Arn)
		}
		return out.NextToken, nil
	})
	if set.Attached = kept(ok, set.Attached); err != nil {
		return err
	}
	ok, err = k.listing(k.fromCenter("sso:ListCustomerManagedPolicyReferencesInPermissionSet", "list-customer-managed-policy-references-in-permission-set"+of), func(ctx context.Context, cfg aws.Config, token *string) (*string, error) {
		out, err := ssoadmin.NewFromConfig(cfg).ListCustomerManagedPolicyReferencesInPermissionSet(ctx, &ssoadmin.ListCustomerManagedPolicyReferencesInPermissionSetInput{
			InstanceArn: aws.String(instance), PermissionSetArn: aws.String(arn), MaxResults: aws.Int32(perPage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, p := range out.CustomerManagedPolicyReferences {
			if aws.ToString(p.Name) == "" {
				return nil, missing("the name of a policy")
			}
			set.Customer = append(set.Customer, customer(p))
		}
		return out.NextToken, nil
	})
	if set.Customer = kept(ok, set.Customer); err != nil {
		return err
	}
	if _, err = k.part(k.fromCenter("sso:GetInlinePolicyForPermissionSet", "get-inline-policy-for-permission-set"+of), func(ctx context.Context, cfg aws.Config) error {
		out, err := ssoadmin.NewFromConfig(cfg).GetInlinePolicyForPermissionSet(ctx, &ssoadmin.GetInlinePolicyForPermissionSetInput{InstanceArn: aws.String(instance), PermissionSetArn: aws.String(arn)})
		if err != nil {
			return err
		}
		set.Inline = aws.ToString(out.InlinePolicy) != "" // a set without one has an empty one
		return nil
	}); err != nil {
		return err
	}
	boundary := k.fromCenter("sso:GetPermissionsBoundaryForPermissionSet", "get-permissions-boundary-for-permission-set"+of)
	boundary.absent = []string{notThere}
	if _, err = k.part(boundary, func(ctx context.Context, cfg aws.Config) error {
		out, err := ssoadmin.NewFromConfig(cfg).GetPermissionsBoundaryForPermissionSet(ctx, &ssoadmin.GetPermissionsBoundaryForPermissionSetInput{InstanceArn: aws.String(instance), PermissionSetArn: aws.String(arn)})
		if err != nil {
			return err
		}
		if b := out.PermissionsBoundary; b != nil {
			set.Boundary = aws.ToString(b.ManagedPolicyArn)
			if p := b.CustomerManagedPolicyReference; p != nil {
				set.Boundary = customer(*p)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return k.assigned(instance, arn, account, of)
}

// assigned tells who is assigned to the set in the account: users by themselves, and groups. Who is in
// a group is not asked.
func (k *looking) assigned(instance, arn, account, of string) error {
	set := k.body.PermissionSet
	ok, err := k.listing(k.fromCenter("sso:ListAccountAssignments", "list-account-assignments"+of+" --account-id "+account), func(ctx context.Context, cfg aws.Config, token *string) (*string, error) {
		out, err := ssoadmin.NewFromConfig(cfg).ListAccountAssignments(ctx, &ssoadmin.ListAccountAssignmentsInput{
			InstanceArn: aws.String(instance), PermissionSetArn: aws.String(arn), AccountId: aws.String(account), MaxResults: aws.Int32(perPage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, a := range out.AccountAssignments {
			id := aws.ToString(a.PrincipalId)
			switch {
			case !userForm.MatchString(id) || aws.ToString(a.AccountId) != account || aws.ToString(a.PermissionSetArn) != arn:
				return nil, missing("who is assigned")
			case a.PrincipalType == ssotypes.PrincipalTypeUser:
				set.Users = append(set.Users, id)
			case a.PrincipalType == ssotypes.PrincipalTypeGroup:
				set.Groups = append(set.Groups, id)
			default:
				return nil, missing("the kind of an assignment")
			}
		}
		return out.NextToken, nil
	})
	set.Users, set.Groups = kept(ok, set.Users), kept(ok, set.Groups)
	return err
}

// kept is a list that is whole, in order; of one that is not, nothing is told.
func kept(whole bool, list []string) []string {
	if !whole {
		return nil
	}
	return unique(list)
}

// customer is a customer managed policy by path and name.
func customer(p ssotypes.CustomerManagedPolicyReference) string {
	path := aws.ToString(p.Path)
	if path == "" {
		path = "/"
	}
	return path + aws.ToString(p.Name)
}

// ErrNoCenter says that the account and Region asked have no instance of IAM Identity Center with the
// configured Identity Store.
var ErrNoCenter = errors.New("no instance of IAM Identity Center has this Identity Store")

// Center asks whether permission sets can be looked up at all, and gives the ARN of the instance of
// IAM Identity Center. The error wraps [ErrNoCenter], or one of package source's.
func (l *Looker) Center(ctx context.Context) (instance string, err error) {
	k := &looking{Looker: l, ctx: ctx, parts: map[string]evidence.Part{}}
	instance, err = k.center()
	if none := (*nothing)(nil); errors.As(err, &none) {
		err = ErrNoCenter
	}
	if err != nil {
		return "", fmt.Errorf("look for IAM Identity Center: %w", err)
	}
	return instance, nil
}
