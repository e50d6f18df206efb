package cloudtrail

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscloudtrail "github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"uratori/source/awsconn"
	"uratori/source/call"
)

// Paces are how fast the API may be called: the caller of the connection that is given to [New] must
// keep them. The limit of LookupEvents is two a second for an account and Region (CloudTrail API
// Reference, "LookupEvents"); others share it, so a quarter is left to them.
var Paces = map[string]call.Pace{
	"cloudtrail:LookupEvents":        {PerSecond: 1.5, Burst: 1},
	"cloudtrail:DescribeTrails":      {PerSecond: 5, Burst: 5},
	"cloudtrail:GetTrailStatus":      {PerSecond: 5, Burst: 5},
	"cloudtrail:GetEventSelectors":   {PerSecond: 1, Burst: 2},
	"cloudtrail:ListEventDataStores": {PerSecond: 2, Burst: 2},
	"cloudtrail:GetEventDataStore":   {PerSecond: 2, Burst: 2},
}

// A place is where events are kept: an account and a Region.
type place struct{ account, region string }

// maxBody is the largest response that is read. 50 events of 256 KB (AWS CloudTrail User Guide,
// "Quotas") as JSON within JSON stay well below it.
const maxBody = 32 << 20

// A cost is what a call came to.
type cost struct {
	calls int // attempts; those of an AssumeRole that was needed are not among them
	bytes int64
	body  []byte // of the last response
}

// do makes one call.
func (s *Source) do(ctx context.Context, api string, p place, try func(context.Context, *awscloudtrail.Client) error) (c cost, err error) {
	target := awsconn.Target{Service: "cloudtrail", API: api, Account: p.account, Region: p.region, Most: maxBody, Body: &c.body}
	_, c.bytes, err = s.opt.Conn.Do(ctx, target, func(ctx context.Context, cfg aws.Config) error {
		c.calls++
		return try(ctx, awscloudtrail.NewFromConfig(cfg))
	})
	if err != nil {
		err = fmt.Errorf("account %s, %s: %w", p.account, p.region, err)
	}
	return c, err
}
