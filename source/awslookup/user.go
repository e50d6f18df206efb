package awslookup

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	"github.com/aws/aws-sdk-go-v2/service/identitystore/document"
	idtypes "github.com/aws/aws-sdk-go-v2/service/identitystore/types"

	"uratori/evidence"
)

// userForm is the form of user ids (Identity Store API Reference, ResourceId).
var userForm = regexp.MustCompile(`^([0-9a-f]{10}-)?[A-Fa-f0-9]{8}(-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12}$`)

// nameForm is a user name that can be looked up by itself: no control, no blank at the ends.
var nameForm = regexp.MustCompile(`^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$`)

// user describes a user of the Identity Store, by id, or by a user name that looks like a mail
// address.
func (k *looking) user() error {
	store, id := k.opt.IdentityStore, k.what.Key
	absent := []string{"ResourceNotFoundException"}
	if !userForm.MatchString(id) {
		if !strings.Contains(id, "@") || len(id) > 128 || !nameForm.MatchString(id) {
			return unknowable("this is no id of an Identity Store user")
		}
		name := id
		err := k.main(ask{
			api: "identitystore:GetUserId", as: "identitystore get-user-id --identity-store-id " + store.ID + " --alternate-identifier " + quote(`UniqueAttribute={AttributePath=userName,AttributeValue=`+name+`}`),
			owner: store.Account, region: store.Region, absent: absent,
		}, func(ctx context.Context, cfg aws.Config) error {
			out, err := identitystore.NewFromConfig(cfg).GetUserId(ctx, &identitystore.GetUserIdInput{
				IdentityStoreId: aws.String(store.ID),
				AlternateIdentifier: &idtypes.AlternateIdentifierMemberUniqueAttribute{Value: idtypes.UniqueAttribute{
					AttributePath: aws.String("userName"), AttributeValue: document.NewLazyDocument(name),
				}},
			})
			if err != nil {
				return err
			}
			if id = aws.ToString(out.UserId); !userForm.MatchString(id) {
				return missing("the user's id")
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return k.main(ask{
		api: "identitystore:DescribeUser", as: "identitystore describe-user --identity-store-id " + store.ID + " --user-id " + id,
		owner: store.Account, region: store.Region, absent: absent,
	}, func(ctx context.Context, cfg aws.Config) error {
		out, err := identitystore.NewFromConfig(cfg).DescribeUser(ctx, &identitystore.DescribeUserInput{IdentityStoreId: aws.String(store.ID), UserId: aws.String(id)})
		if err != nil {
			return err
		}
		if aws.ToString(out.UserId) != id {
			return missing("the user")
		}
		u := &evidence.LookedUser{
			ID: id, UserName: aws.ToString(out.UserName), DisplayName: aws.ToString(out.DisplayName),
			Title: aws.ToString(out.Title), UserType: aws.ToString(out.UserType), Status: string(out.UserStatus),
		}
		for _, e := range out.Emails {
			if u.Email == "" || e.Primary {
				u.Email = aws.ToString(e.Value)
			}
		}
		for _, e := range out.ExternalIds {
			u.ExternalIDs = append(u.ExternalIDs, evidence.ExternalID{Issuer: aws.ToString(e.Issuer), ID: aws.ToString(e.Id)})
		}
		slices.SortFunc(u.ExternalIDs, func(a, b evidence.ExternalID) int {
			return strings.Compare(a.Issuer+"\x00"+a.ID, b.Issuer+"\x00"+b.ID)
		})
		k.body.User = u
		return nil
	})
}

// quote makes a text one word of a shell command that runs nothing.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
