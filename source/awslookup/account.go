package awslookup

import (
	"context"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	orgtypes "github.com/aws/aws-sdk-go-v2/service/organizations/types"

	"uratori/evidence"
	"uratori/source/awsconn"
)

var accountForm = regexp.MustCompile(`^[0-9]{12}$`)

// notInOrganization are the codes by which AWS Organizations says that it knows nothing here.
const notInOrganization = "AWSOrganizationsNotInUseException"

// account describes an account of the organisation, its tags and the units it lies in.
func (k *looking) account() error {
	id := k.what.Key
	if !accountForm.MatchString(id) {
		return unknowable("an account id has 12 digits")
	}
	err := k.main(ask{
		api: "organizations:DescribeAccount", as: "organizations describe-account --account-id " + id,
		owner: k.opt.Organization, absent: []string{"AccountNotFoundException"},
	}, func(ctx context.Context, cfg aws.Config) error {
		out, err := organizations.NewFromConfig(cfg).DescribeAccount(ctx, &organizations.DescribeAccountInput{AccountId: aws.String(id)})
		if err != nil {
			return err
		}
		if out.Account == nil || aws.ToString(out.Account.Id) != id {
			return missing("the account")
		}
		state := string(out.Account.State)
		if state == "" {
			state = string(out.Account.Status) // of older answers
		}
		k.body.Account = &evidence.LookedAccount{ID: id, Name: aws.ToString(out.Account.Name), Joined: when(out.Account.JoinedTimestamp), Status: state}
		return nil
	})
	if awsconn.Code(err) == notInOrganization {
		return unknowable("the account asked is in no organisation")
	}
	if err != nil {
		return err
	}
	if err := k.accountTags(id); err != nil {
		return err
	}
	return k.units(id)
}

func (k *looking) accountTags(id string) error {
	var tags []evidence.Tag
	ok, err := k.listing(ask{
		api: "organizations:ListTagsForResource", as: "organizations list-tags-for-resource --resource-id " + id, owner: k.opt.Organization,
	}, func(ctx context.Context, cfg aws.Config, token *string) (*string, error) {
		out, err := organizations.NewFromConfig(cfg).ListTagsForResource(ctx, &organizations.ListTagsForResourceInput{ResourceId: aws.String(id), NextToken: token})
		if err != nil {
			return nil, err
		}
		for _, t := range out.Tags {
			tags = append(tags, evidence.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)})
		}
		return out.NextToken, nil
	})
	if ok {
		k.body.Account.Tags = sortTags(tags)
	}
	return err
}

// maxUnits is how deep organisational units can lie (AWS Organizations User Guide, "Quotas").
const maxUnits = 5

// units walks up from the account to the root.
func (k *looking) units(id string) error {
	const parents, unit = "organizations:ListParents", "organizations:DescribeOrganizationalUnit"
	k.none(unit) // if it lies below the root
	var names []string
	for child, depth := id, 0; depth <= maxUnits; depth++ {
		var parent orgtypes.Parent
		ok, err := k.part(ask{
			api: parents, as: "organizations list-parents --child-id " + child, owner: k.opt.Organization,
		}, func(ctx context.Context, cfg aws.Config) error {
			out, err := organizations.NewFromConfig(cfg).ListParents(ctx, &organizations.ListParentsInput{ChildId: aws.String(child)})
			if err != nil {
				return err
			}
			if len(out.Parents) != 1 || aws.ToString(out.Parents[0].Id) == "" { // today a child has one parent
				return missing("the parent")
			}
			parent = out.Parents[0]
			return nil
		})
		if err != nil {
			return err
		}
		if !ok {
			k.note(evidence.Part{Name: unit, Outcome: k.parts[parents].Outcome, Reason: k.parts[parents].Reason})
			return nil
		}
		if parent.Type == orgtypes.ParentTypeRoot {
			slices.Reverse(names)
			k.body.Account.OUs = names
			return nil
		}
		child = aws.ToString(parent.Id)
		ok, err = k.part(ask{
			api: unit, as: "organizations describe-organizational-unit --organizational-unit-id " + child, owner: k.opt.Organization,
		}, func(ctx context.Context, cfg aws.Config) error {
			out, err := organizations.NewFromConfig(cfg).DescribeOrganizationalUnit(ctx, &organizations.DescribeOrganizationalUnitInput{OrganizationalUnitId: aws.String(child)})
			if err != nil {
				return err
			}
			if out.OrganizationalUnit == nil || aws.ToString(out.OrganizationalUnit.Id) != child {
				return missing("the organisational unit")
			}
			names = append(names, aws.ToString(out.OrganizationalUnit.Name))
			return nil
		})
		if err != nil || !ok {
			return err
		}
	}
	k.note(evidence.Part{Name: parents, Outcome: evidence.Failed, Reason: "organisational units lie deeper than AWS allows"})
	return nil
}
