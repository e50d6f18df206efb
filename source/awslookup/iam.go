package awslookup

import (
	"context"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"uratori/evidence"
)

var (
	keyForm       = regexp.MustCompile(`^AKIA[A-Z0-9]{12,124}$`)
	principalForm = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):iam::([0-9]{12}):(user|role)/((?:[[:graph:]]+/)*)([\w+=,.@-]{1,128})$`)
	sessionForm   = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):sts::([0-9]{12}):assumed-role/()()([\w+=,.@-]{1,128})/[\w+=,.@-]+$`)
)

// gone is the code by which IAM says that there is none.
const gone = "NoSuchEntity"

// accessKey tells whose a long-term key is, when it was made and last used.
func (k *looking) accessKey() error {
	id := k.what.Key
	if !keyForm.MatchString(id) {
		return unknowable("this is no id of a long-term access key")
	}
	masked := id[:4] + "…" + id[len(id)-4:]
	var key evidence.LookedKey
	err := k.main(ask{
		api: "iam:GetAccessKeyLastUsed", as: "iam get-access-key-last-used --access-key-id " + masked, owner: k.what.Account, absent: []string{gone},
	}, func(ctx context.Context, cfg aws.Config) error {
		out, err := iam.NewFromConfig(cfg).GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: aws.String(id)})
		if err != nil {
			return err
		}
		if aws.ToString(out.UserName) == "" || out.AccessKeyLastUsed == nil {
			return missing("the key's user")
		}
		key = evidence.LookedKey{UserName: aws.ToString(out.UserName), LastUsed: when(out.AccessKeyLastUsed.LastUsedDate)}
		if key.LastUsed != nil {
			key.LastUsedService, key.LastUsedRegion = told(out.AccessKeyLastUsed.ServiceName), told(out.AccessKeyLastUsed.Region)
		}
		return nil
	})
	if err != nil {
		return err
	}
	k.body.AccessKey = &key
	var list []iamtypes.AccessKeyMetadata
	ok, err := k.listing(ask{
		api: "iam:ListAccessKeys", as: "iam list-access-keys --user-name " + quote(key.UserName), owner: k.what.Account, absent: []string{gone},
	}, func(ctx context.Context, cfg aws.Config, token *string) (*string, error) {
		out, err := iam.NewFromConfig(cfg).ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String(key.UserName), Marker: token})
		if err != nil {
			return nil, err
		}
		list = append(list, out.AccessKeyMetadata...)
		return more(out.IsTruncated, out.Marker)
	})
	if err != nil || !ok {
		return err
	}
	for _, m := range list {
		if aws.ToString(m.AccessKeyId) != id {
			key.OtherKeys++
			continue
		}
		key.Status, key.Created = string(m.Status), when(m.CreateDate)
	}
	return nil
}

// told is a text that IAM gives, which is "N/A" for none.
func told(s *string) string {
	if t := aws.ToString(s); t != "N/A" {
		return t
	}
	return ""
}

// more is IAM's way to say that there is another page.
func more(truncated bool, marker *string) (*string, error) {
	if !truncated {
		return nil, nil //nolint:nilnil // no other page
	}
	if aws.ToString(marker) == "" {
		return nil, missing("the next page")
	}
	return marker, nil
}

// principal tells the policies and tags of an IAM user or role.
func (k *looking) principal() error {
	m := principalForm.FindStringSubmatch(k.what.Key)
	if m == nil {
		if m = sessionForm.FindStringSubmatch(k.what.Key); m != nil {
			m[3] = "role"
		}
	}
	if m == nil {
		return unknowable("this is no ARN of an IAM user or role")
	}
	account, name := m[2], m[5]
	if m[3] == "role" {
		return k.role(account, name)
	}
	return k.iamUser(account, name)
}

func (k *looking) role(account, name string) error {
	p := &evidence.LookedPrincipal{Type: "role", Name: name}
	err := k.main(ask{
		api: "iam:GetRole", as: "iam get-role --role-name " + quote(name), owner: account, absent: []string{gone},
	}, func(ctx context.Context, cfg aws.Config) error {
		out, err := iam.NewFromConfig(cfg).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
		if err != nil {
			return err
		}
		if out.Role == nil || !strings.EqualFold(aws.ToString(out.Role.RoleName), name) {
			return missing("the role")
		}
		r := out.Role
		p.ARN, p.Created, p.MaxSession = aws.ToString(r.Arn), when(r.CreateDate), int(aws.ToInt32(r.MaxSessionDuration))
		p.Tags = iamTags(r.Tags)
		if r.RoleLastUsed != nil {
			p.LastUsed = when(r.RoleLastUsed.LastUsedDate)
		}
		if r.PermissionsBoundary != nil {
			p.Boundary = aws.ToString(r.PermissionsBoundary.PermissionsBoundaryArn)
		}
		return nil
	})
	if err != nil {
		return err
	}
	k.body.Principal = p
	err = k.attached("iam:ListAttachedRolePolicies", "iam list-attached-role-policies --role-name "+quote(name), account,
		func(ctx context.Context, c *iam.Client, token *string) ([]iamtypes.AttachedPolicy, bool, *string, error) {
			out, err := c.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String(name), Marker: token})
			if err != nil {
				return nil, false, nil, err
			}
			return out.AttachedPolicies, out.IsTruncated, out.Marker, nil
		})
	if err != nil {
		return err
	}
	return k.inline("iam:ListRolePolicies", "iam list-role-policies --role-name "+quote(name), account, "",
		func(ctx context.Context, c *iam.Client, token *string) ([]string, bool, *string, error) {
			out, err := c.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: aws.String(name), Marker: token})
			if err != nil {
				return nil, false, nil, err
			}
			return out.PolicyNames, out.IsTruncated, out.Marker, nil
		})
}

func (k *looking) iamUser(account, name string) error {
	p := &evidence.LookedPrincipal{Type: "user", Name: name}
	err := k.main(ask{
		api: "iam:GetUser", as: "iam get-user --user-name " + quote(name), owner: account, absent: []string{gone},
	}, func(ctx context.Context, cfg aws.Config) error {
		out, err := iam.NewFromConfig(cfg).GetUser(ctx, &iam.GetUserInput{UserName: aws.String(name)})
		if err != nil {
			return err
		}
		if out.User == nil || !strings.EqualFold(aws.ToString(out.User.UserName), name) {
			return missing("the user")
		}
		u := out.User
		p.ARN, p.Created, p.LastUsed, p.Tags = aws.ToString(u.Arn), when(u.CreateDate), when(u.PasswordLastUsed), iamTags(u.Tags)
		if u.PermissionsBoundary != nil {
			p.Boundary = aws.ToString(u.PermissionsBoundary.PermissionsBoundaryArn)
		}
		return nil
	})
	if err != nil {
		return err
	}
	k.body.Principal = p
	err = k.attached("iam:ListAttachedUserPolicies", "iam list-attached-user-policies --user-name "+quote(name), account,
		func(ctx context.Context, c *iam.Client, token *string) ([]iamtypes.AttachedPolicy, bool, *string, error) {
			out, err := c.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: aws.String(name), Marker: token})
			if err != nil {
				return nil, false, nil, err
			}
			return out.AttachedPolicies, out.IsTruncated, out.Marker, nil
		})
	if err != nil {
		return err
	}
	err = k.inline("iam:ListUserPolicies", "iam list-user-policies --user-name "+quote(name), account, "",
		func(ctx context.Context, c *iam.Client, token *string) ([]string, bool, *string, error) {
			out, err := c.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: aws.String(name), Marker: token})
			if err != nil {
				return nil, false, nil, err
			}
			return out.PolicyNames, out.IsTruncated, out.Marker, nil
		})
	if err != nil {
		return err
	}
	return k.groups(account, name)
}

// groups adds the policies that a user has by its groups.
func (k *looking) groups(account, name string) error {
	const attached, inline = "iam:ListAttachedGroupPolicies", "iam:ListGroupPolicies"
	k.none(attached)
	k.none(inline)
	var groups []string
	ok, err := k.listing(ask{
		api: "iam:ListGroupsForUser", as: "iam list-groups-for-user --user-name " + quote(name), owner: account, absent: []string{gone},
	}, func(ctx context.Context, cfg aws.Config, token *string) (*string, error) {
		out, err := iam.NewFromConfig(cfg).ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: aws.String(name), Marker: token})
		if err != nil {
			return nil, err
		}
		for _, g := range out.Groups {
			groups = append(groups, aws.ToString(g.GroupName))
		}
		return more(out.IsTruncated, out.Marker)
	})
	if err != nil || !ok {
		return err
	}
	k.body.Principal.Groups = unique(groups)
	for _, g := range k.body.Principal.Groups {
		err := k.attached(attached, "iam list-attached-group-policies --group-name "+quote(g), account,
			func(ctx context.Context, c *iam.Client, token *string) ([]iamtypes.AttachedPolicy, bool, *string, error) {
				out, err := c.ListAttachedGroupPolicies(ctx, &iam.ListAttachedGroupPoliciesInput{GroupName: aws.String(g), Marker: token})
				if err != nil {
					return nil, false, nil, err
				}
				return out.AttachedPolicies, out.IsTruncated, out.Marker, nil
			})
		if err != nil {
			return err
		}
		err = k.inline(inline, "iam list-group-policies --group-name "+quote(g), account, g+"/",
			func(ctx context.Context, c *iam.Client, token *string) ([]string, bool, *string, error) {
				out, err := c.ListGroupPolicies(ctx, &iam.ListGroupPoliciesInput{GroupName: aws.String(g), Marker: token})
				if err != nil {
					return nil, false, nil, err
				}
				return out.PolicyNames, out.IsTruncated, out.Marker, nil
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// A page of a list of IAM: its entries, whether there are more, and where they begin.
type page[T any] func(ctx context.Context, c *iam.Client, token *string) ([]T, bool, *string, error)

// attached adds the ARNs of attached policies.
func (k *looking) attached(api, as, account string, get page[iamtypes.AttachedPolicy]) error {
	list, ok, err := listed(k, ask{api: api, as: as, owner: account, absent: []string{gone}}, get)
	if ok {
		for _, p := range list {
			k.body.Principal.Attached = append(k.body.Principal.Attached, aws.ToString(p.PolicyArn))
		}
		k.body.Principal.Attached = unique(k.body.Principal.Attached)
	}
	return err
}

// inline adds the names of inline policies, each after a prefix.
func (k *looking) inline(api, as, account, prefix string, get page[string]) error {
	list, ok, err := listed(k, ask{api: api, as: as, owner: account, absent: []string{gone}}, get)
	if ok {
		for _, name := range list {
			k.body.Principal.Inline = append(k.body.Principal.Inline, prefix+name)
		}
		k.body.Principal.Inline = unique(k.body.Principal.Inline)
	}
	return err
}

// listed reads all pages of a list; ok is false when it is not whole.
func listed[T any](k *looking, a ask, get page[T]) (list []T, ok bool, err error) {
	ok, err = k.listing(a, func(ctx context.Context, cfg aws.Config, token *string) (*string, error) {
		some, truncated, marker, err := get(ctx, iam.NewFromConfig(cfg), token)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
		return more(truncated, marker)
	})
	return list, ok, err
}

func iamTags(tags []iamtypes.Tag) (out []evidence.Tag) {
	for _, t := range tags {
		out = append(out, evidence.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)})
	}
	return sortTags(out)
}
