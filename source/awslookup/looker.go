package awslookup

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"uratori/evidence"
	"uratori/source"
	"uratori/source/awsconn"
)

// Actions are the IAM actions that look-ups need, beside those of package awsconn. The names are
// IAM's: the API GetPublicAccessBlock of S3 is the action s3:GetBucketPublicAccessBlock.
var Actions = []string{
	"ec2:DescribeInstances", "ec2:DescribeSecurityGroups",
	"iam:GetAccessKeyLastUsed", "iam:GetRole", "iam:GetUser", "iam:ListAccessKeys", "iam:ListAttachedGroupPolicies",
	"iam:ListAttachedRolePolicies", "iam:ListAttachedUserPolicies", "iam:ListGroupPolicies", "iam:ListGroupsForUser",
	"iam:ListRolePolicies", "iam:ListUserPolicies",
	"identitystore:DescribeUser", "identitystore:GetUserId",
	"organizations:DescribeAccount", "organizations:DescribeOrganizationalUnit", "organizations:ListParents",
	"organizations:ListTagsForResource",
	"s3:GetAccountPublicAccessBlock", "s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketLogging", "s3:GetBucketPolicyStatus", "s3:GetBucketPublicAccessBlock",
	"s3:GetBucketTagging", "s3:GetBucketVersioning",
	"sso:DescribePermissionSet", "sso:GetInlinePolicyForPermissionSet", "sso:GetPermissionsBoundaryForPermissionSet", "sso:ListAccountAssignments",
	"sso:ListCustomerManagedPolicyReferencesInPermissionSet", "sso:ListInstances", "sso:ListManagedPoliciesInPermissionSet", "sso:ListPermissionSetsProvisionedToAccount",
}

// Options say what is looked up, and where. Kinds that lack what they need are not looked up.
type Options struct {
	Name          string        // of the looker in the configuration, such as "aws"
	Conn          *awsconn.Conn // how AWS is reached
	Organization  string        // account that may read AWS Organizations: management or delegated administrator; "" is the program's own
	IdentityStore IdentityStore
	Kinds         []evidence.LookupKind // nil means every kind that can be looked up
}

// IdentityStore is where the users of IAM Identity Center are, and its permission sets. Without an ID
// neither are looked up.
type IdentityStore struct {
	ID      string // such as d-1234567890
	Account string // account of the instance or its delegated administrator; "" is the program's own
	Region  string // Region of the instance; "" is the connection's
}

// A Looker looks things up in AWS. It is safe for concurrent use.
type Looker struct {
	opt   Options
	kinds []evidence.LookupKind
	names setNames
}

// kinds are those that AWS can answer, with the way it does.
var kinds = map[evidence.LookupKind]func(*looking) error{
	evidence.LookAccount:       (*looking).account,
	evidence.LookUser:          (*looking).user,
	evidence.LookKey:           (*looking).accessKey,
	evidence.LookPrincipal:     (*looking).principal,
	evidence.LookBucket:        (*looking).bucket,
	evidence.LookInstance:      (*looking).instance,
	evidence.LookPermissionSet: (*looking).permissionSet,
}

var storeForm = regexp.MustCompile(`^(d-[0-9a-f]{10}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$`)

// New returns a looker. It makes no call.
func New(opt Options) (*Looker, error) {
	if opt.Name == "" || opt.Conn == nil {
		return nil, errors.New("look up in AWS: the options lack a name or a connection")
	}
	if id := opt.IdentityStore.ID; id != "" && !storeForm.MatchString(id) {
		return nil, fmt.Errorf("look up in AWS as %s: identity store %q has another form than d-1234567890", opt.Name, id)
	}
	l := &Looker{opt: opt}
	for _, k := range evidence.LookupKinds() {
		center := k == evidence.LookUser || k == evidence.LookPermissionSet
		if kinds[k] == nil || opt.Kinds != nil && !slices.Contains(opt.Kinds, k) || center && opt.IdentityStore.ID == "" {
			continue
		}
		l.kinds = append(l.kinds, k)
	}
	for _, k := range opt.Kinds {
		if !slices.Contains(l.kinds, k) {
			return nil, fmt.Errorf("look up in AWS as %s: %q cannot be looked up there", opt.Name, k)
		}
	}
	return l, nil
}

// Name is the looker's name in the configuration.
func (l *Looker) Name() string { return l.opt.Name }

// Looks are the kinds that it looks up.
func (l *Looker) Looks() []evidence.LookupKind { return slices.Clone(l.kinds) }

// Look looks one thing up.
func (l *Looker) Look(ctx context.Context, what evidence.Lookup) (evidence.Looked, error) {
	if !slices.Contains(l.kinds, what.Kind) {
		return evidence.Looked{Outcome: evidence.NotCollected, Reason: "this looker does not look up " + string(what.Kind)}, ctx.Err()
	}
	k := &looking{Looker: l, ctx: ctx, what: what, parts: map[string]evidence.Part{}}
	k.body.Kind, k.body.Key = what.Kind, what.Key
	err := kinds[what.Kind](k)
	out := evidence.Looked{Outcome: evidence.Found, Native: strings.Join(k.native, "\n"), Calls: k.calls, Bytes: k.bytes}
	switch none := (*nothing)(nil); {
	case errors.As(err, &none):
		out.Outcome, out.Reason = none.outcome, none.reason
		return out, nil
	case err != nil:
		return out, fmt.Errorf("look up %s in AWS: %w", what.Kind, err)
	}
	for _, p := range k.parts {
		k.body.Parts = append(k.body.Parts, p)
	}
	slices.SortFunc(k.body.Parts, func(a, b evidence.Part) int { return strings.Compare(a.Name, b.Name) })
	out.Body = k.body
	return out, nil
}

// nothing is a look-up that ended without a record, and not by an error.
type nothing struct {
	outcome evidence.Outcome
	reason  string
}

func (n *nothing) Error() string { return n.reason }

// unknowable is the end of a look-up whose key AWS cannot know.
func unknowable(format string, args ...any) error {
	return &nothing{evidence.NotCollected, fmt.Sprintf(format, args...)}
}

// A looking is one look-up under way.
type looking struct {
	*Looker
	ctx    context.Context //nolint:containedctx // of one call of Look, which it does not outlive
	what   evidence.Lookup
	body   evidence.Body
	parts  map[string]evidence.Part
	native []string
	calls  int
	bytes  int64
}

// An ask is one call of a look-up.
type ask struct {
	api     string   // as IAM names the action
	as      string   // as anyone could ask it, in the words of the AWS CLI
	region  string   // "" is the connection's
	owner   string   // the account asked; "" is the program's own
	service string   // as endpoints are named, where it is not the one of api
	absent  []string // codes of errors by which the service says that there is none
}

// main makes the call that the look-up is about: without its answer there is none.
func (k *looking) main(a ask, do func(ctx context.Context, cfg aws.Config) error) error {
	err := k.do(a, do)
	if slices.Contains(a.absent, awsconn.Code(err)) && err != nil {
		return &nothing{evidence.Empty, awsconn.Code(err)}
	}
	if err == nil {
		k.parts[a.api] = evidence.Part{Name: a.api, Outcome: evidence.Found}
	}
	return err
}

// part makes one of the further calls. The error is only for a look-up that cannot go on: a
// context that ended. ok tells whether it was answered.
func (k *looking) part(a ask, do func(ctx context.Context, cfg aws.Config) error) (ok bool, err error) {
	return k.partly(a, k.do(a, do))
}

// listing makes a part of as many calls as its list has pages.
func (k *looking) listing(a ask, do func(ctx context.Context, cfg aws.Config, token *string) (next *string, err error)) (ok bool, err error) {
	return k.partly(a, pages(func(token *string) (next *string, err error) {
		err = k.do(a, func(ctx context.Context, cfg aws.Config) (err error) {
			next, err = do(ctx, cfg, token)
			return err
		})
		return next, err
	}))
}

// partly notes what came of a part.
func (k *looking) partly(a ask, err error) (ok bool, _ error) {
	p := evidence.Part{Name: a.api, Outcome: evidence.Found}
	switch {
	case err == nil:
	case k.ctx.Err() != nil:
		return false, context.Cause(k.ctx)
	case slices.Contains(a.absent, awsconn.Code(err)):
		p.Outcome = evidence.Empty
	default:
		p.Outcome, p.Reason = outcome(err), err.Error()
	}
	k.note(p)
	return p.Outcome == evidence.Found || p.Outcome == evidence.Empty, nil
}

// none notes a part that had nothing to ask for.
func (k *looking) none(api string) { k.note(evidence.Part{Name: api, Outcome: evidence.Empty}) }

// note adds a part. Of several calls of one API the one that failed counts.
func (k *looking) note(p evidence.Part) {
	have, ok := k.parts[p.Name]
	if !ok || have.Outcome == evidence.Empty || have.Outcome == evidence.Found && p.Outcome != evidence.Empty {
		k.parts[p.Name] = p
	}
}

func (k *looking) do(a ask, do func(ctx context.Context, cfg aws.Config) error) error {
	k.noted(a.as)
	service := a.service
	if service == "" {
		service, _, _ = strings.Cut(a.api, ":")
	}
	calls, bytes, err := k.opt.Conn.Do(k.ctx, awsconn.Target{Service: service, API: a.api, Account: a.owner, Region: a.region}, do)
	k.calls, k.bytes = k.calls+calls, k.bytes+bytes
	return err
}

// noted keeps a call as anyone could make it.
func (k *looking) noted(as string) {
	if as = "aws " + as; !slices.Contains(k.native, as) { // the CLI turns pages by itself
		k.native = append(k.native, as)
	}
}

// outcome is what a part's error means.
func outcome(err error) evidence.Outcome {
	switch {
	case errors.Is(err, source.ErrDenied), errors.Is(err, source.ErrInvalid):
		return evidence.Denied
	case errors.Is(err, source.ErrThrottled), errors.Is(err, source.ErrBudget):
		return evidence.Throttled
	}
	return evidence.Failed
}

// maxPages bounds one listing: each of those made here fits into a few pages.
const maxPages = 20

// pages asks for pages until there is no other. A service that gives a token again would go on
// for ever.
func pages(do func(token *string) (next *string, err error)) error {
	var token *string
	for range maxPages {
		next, err := do(token)
		switch {
		case err != nil:
			return err
		case aws.ToString(next) == "":
			return nil
		case aws.ToString(next) == aws.ToString(token):
			return fmt.Errorf("the service gives the same page again: %w", source.ErrUnavailable)
		}
		token = next
	}
	return fmt.Errorf("the list has more than %d pages: %w", maxPages, source.ErrUnavailable)
}

// missing is an answer that lacks what it must have, or is about something else.
func missing(what string) error {
	return fmt.Errorf("the answer does not tell %s: %w", what, source.ErrUnavailable)
}

// when is a time of a record, in UTC and microseconds; nil for none, and for one that no record has.
func when(t *time.Time) *time.Time {
	if t == nil || t.IsZero() || t.Year() < 1970 || t.Year() > 9999 {
		return nil
	}
	u := t.UTC().Truncate(time.Microsecond)
	return &u
}

// sortTags puts tags in order of their keys.
func sortTags(tags []evidence.Tag) []evidence.Tag {
	slices.SortFunc(tags, func(a, b evidence.Tag) int {
		return strings.Compare(a.Key+"\x00"+a.Value, b.Key+"\x00"+b.Value)
	})
	return tags
}

// unique sorts texts and removes what stands twice.
func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
