package awsconn

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"uratori/source"
)

// KeyMade is when a long-term access key of an IAM user was made, in the account of the program's
// own credentials. The error wraps source.ErrUnavailable when IAM does not tell of the key.
func (c *Conn) KeyMade(ctx context.Context, user, key string) (made time.Time, err error) {
	_, _, err = c.Do(ctx, Target{Service: "iam", API: "iam:ListAccessKeys"}, func(ctx context.Context, cfg aws.Config) error {
		out, err := iam.NewFromConfig(cfg).ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String(user)}) // a user has two at most
		if err != nil {
			return err
		}
		for _, k := range out.AccessKeyMetadata {
			if aws.ToString(k.AccessKeyId) == key && k.CreateDate != nil {
				made = k.CreateDate.UTC()
				return nil
			}
		}
		return fmt.Errorf("IAM does not tell of the key: %w", source.ErrUnavailable)
	})
	return made, err
}

// Simulate asks IAM which actions the policies of a principal allow on a resource, "*" for one that
// no narrower statement names. What it does not know: resource policies, sessions' own policies, and
// the organisation's service control policies where the organisation is another account's. The
// actions that are allowed come back sorted.
func (c *Conn) Simulate(ctx context.Context, account, principal string, actions []string, resource string) (allowed []string, err error) {
	const most = 100 // actions in one call; IAM says no limit, and pages what it answers
	for some := range slices.Chunk(actions, most) {
		marker := ""
		for pages := 0; ; pages++ {
			var next string
			_, _, err := c.Do(ctx, Target{Service: "iam", API: "iam:SimulatePrincipalPolicy", Account: account}, func(ctx context.Context, cfg aws.Config) error {
				in := &iam.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String(principal), ActionNames: some, ResourceArns: []string{resource}}
				if marker != "" {
					in.Marker = aws.String(marker)
				}
				out, err := iam.NewFromConfig(cfg).SimulatePrincipalPolicy(ctx, in)
				if err != nil {
					return err
				}
				for _, r := range out.EvaluationResults {
					if a := aws.ToString(r.EvalActionName); r.EvalDecision == types.PolicyEvaluationDecisionTypeAllowed && slices.Contains(some, a) {
						allowed = append(allowed, a)
					}
				}
				next = ""
				if out.IsTruncated {
					next = aws.ToString(out.Marker)
				}
				return nil
			})
			switch {
			case err != nil:
				return nil, err
			case next == marker && next != "" || pages == most:
				return nil, fmt.Errorf("iam:SimulatePrincipalPolicy: pages without end: %w", source.ErrUnavailable)
			}
			if marker = next; marker == "" {
				break
			}
		}
	}
	slices.Sort(allowed)
	return slices.Compact(allowed), nil
}

// Principal is the ARN of the IAM user or role behind an identity: that of a role for a session of
// it. ok is false where the ARN does not tell: the root user, a federated one, and a role of IAM
// Identity Center, whose path stands in no session's ARN.
func (who Identity) Principal() (arn string, ok bool) {
	parts := strings.SplitN(who.ARN, ":", 6)
	if len(parts) != 6 {
		return "", false
	}
	kind, rest, _ := strings.Cut(parts[5], "/")
	switch {
	case parts[2] == "iam" && kind == "user":
		return who.ARN, true
	case parts[2] == "sts" && kind == "assumed-role" && !strings.HasPrefix(rest, "AWSReservedSSO_"):
		role, _, _ := strings.Cut(rest, "/")
		return "arn:" + parts[1] + ":iam::" + parts[4] + ":role/" + role, true
	}
	return "", false
}
