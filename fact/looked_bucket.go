package fact

import (
	"slices"
	"strings"

	"uratori/evidence"
)

// The calls whose answers facts about buckets rest on (Amazon S3 API Reference).
const (
	blockOfBucket      = "s3:GetBucketPublicAccessBlock"  // IAM's name of the action; the API is GetPublicAccessBlock
	blockOfAccount     = "s3:GetAccountPublicAccessBlock" // the same of S3 Control
	policyOfBucket     = "s3:GetBucketPolicyStatus"
	grantsOfBucket     = "s3:GetBucketAcl"
	tagsOfBucket       = "s3:GetBucketTagging"
	versioningOfBucket = "s3:GetBucketVersioning"
	loggingOfBucket    = "s3:GetBucketLogging"
)

var lookedBucketDefs = []Def{
	{Key: "impact.bucket_exists", Looks: evidence.LookBucket, Rule: existed(evidence.LookBucket, "impact.bucket_exists"), Type: Bool, Kind: External, JA: "バケットの存在", EN: "the bucket exists", Says: "look-up: S3 knows the bucket now"},
	{Key: "impact.bucket_public_now", Looks: evidence.LookBucket, Rule: ofBucketNow("impact.bucket_public_now", func(by []string, ref Ref) result {
		return known(BoolOf(len(by) > 0), ref)
	}), Type: Bool, Kind: Computed, JA: "バケットの現在の公開", EN: "the bucket is public now", Says: "look-up: a public policy without RestrictPublicBuckets, or a grant to everyone without IgnorePublicAcls, of the bucket or its account"},
	{Key: "impact.bucket_public_by", Looks: evidence.LookBucket, Rule: ofBucketNow("impact.bucket_public_by", listed), Type: Texts, Kind: Computed, JA: "公開している設定", EN: "settings that make it public", Says: "look-up: bucket policy, and the permissions that the ACL grants to everyone, as far as no block stops them"},
	{Key: "impact.bucket_blocks", Looks: evidence.LookBucket, Rule: ofBucket("impact.bucket_blocks", []string{blockOfBucket}, func(b evidence.LookedBucket, ref Ref) result {
		return listed(membersOn(b.Block), ref)
	}), Type: Texts, Kind: External, JA: "バケットのブロックパブリックアクセス", EN: "the bucket's public access block", Says: "look-up: members of the bucket's own block that are on now"},
	{Key: "impact.account_blocks", Looks: evidence.LookBucket, Rule: ofBucket("impact.account_blocks", []string{blockOfAccount}, func(b evidence.LookedBucket, ref Ref) result {
		return listed(membersOn(b.AccountBlock), ref)
	}), Type: Texts, Kind: External, JA: "アカウントのブロックパブリックアクセス", EN: "the account's public access block", Says: "look-up: members of the block of the bucket's account that are on now, with what the organisation sets for it"},
	{Key: "impact.bucket_blocked_by", Looks: evidence.LookBucket, Rule: ofBucket("impact.bucket_blocked_by", []string{blockOfBucket, blockOfAccount}, func(b evidence.LookedBucket, ref Ref) result {
		return listed(blockedBy(b), ref)
	}), Type: Texts, Kind: Computed, JA: "有効なブロックパブリックアクセスと設定元", EN: "blocks in effect and where they are set", Says: "look-up: members that are on at the bucket, at its account, or at both"},
	{Key: "impact.bucket_versioning", Looks: evidence.LookBucket, Rule: ofBucket("impact.bucket_versioning", []string{versioningOfBucket}, func(b evidence.LookedBucket, ref Ref) result {
		s := strings.ToLower(b.Versioning)
		if s == "" {
			s = "never"
		}
		if !slices.Contains(choices("impact.bucket_versioning"), s) {
			return unknown(lookGap(evidence.LookBucket), ref)
		}
		return known(NameOf(s), ref)
	}), Type: Name, Kind: External, JA: "バージョニング", EN: "versioning", Says: "look-up: state of versioning now", Choices: []string{"enabled", "suspended", "never"}},
	{Key: "impact.bucket_access_logs", Looks: evidence.LookBucket, Rule: ofBucket("impact.bucket_access_logs", []string{loggingOfBucket}, func(b evidence.LookedBucket, ref Ref) result {
		return known(BoolOf(b.LogBucket != ""), ref)
	}), Type: Bool, Kind: External, JA: "サーバーアクセスログの記録", EN: "server access logs are on", Says: "look-up: server access logging now, which says nothing of the time of the event"},
	{Key: "impact.bucket_access_log_place", Looks: evidence.LookBucket, Rule: ofBucket("impact.bucket_access_log_place", []string{loggingOfBucket}, func(b evidence.LookedBucket, ref Ref) result {
		if b.LogBucket == "" {
			return notApplicable(ref)
		}
		return known(TextOf("s3://"+b.LogBucket+"/"+b.LogPrefix), ref)
	}), Type: Text, Kind: External, JA: "サーバーアクセスログの保存先", EN: "place of the server access logs", Says: "look-up: target bucket and prefix now"},
	{Key: "impact.bucket_tags", Looks: evidence.LookBucket, Rule: ofBucket("impact.bucket_tags", []string{tagsOfBucket}, func(b evidence.LookedBucket, ref Ref) result {
		return listed(tagged(b.Tags), ref)
	}), Type: Texts, Kind: External, JA: "バケットのタグ", EN: "tags of the bucket", Says: "look-up: tags of the bucket now"},
}

func ofBucket(key Key, parts []string, get func(b evidence.LookedBucket, ref Ref) result) func(*view, string) result {
	return ofLooked(evidence.LookBucket, key, parts, func(_ *view, b evidence.Body, ref Ref) result { return get(*b.Bucket, ref) })
}

// publicBy are the bucket's settings that let everyone in, as far as a block lets them (Amazon S3
// User Guide, "Blocking public access to your Amazon S3 storage": BlockPublicAcls and
// BlockPublicPolicy only refuse new ones; of bucket and account the stricter counts).
func publicBy(b evidence.LookedBucket, blocks ...*evidence.BlockPublic) (by []string) {
	var block evidence.BlockPublic
	for _, of := range blocks {
		if of != nil {
			block.RestrictBuckets = block.RestrictBuckets || of.RestrictBuckets
			block.IgnoreACLs = block.IgnoreACLs || of.IgnoreACLs
		}
	}
	if b.PolicyPublic != nil && *b.PolicyPublic && !block.RestrictBuckets {
		by = append(by, "bucket policy")
	}
	if !block.IgnoreACLs {
		by = append(by, b.PublicGrants...)
	}
	return by
}

// ofBucketNow is a rule over what lets everyone in. What the bucket's own block stops, its account
// cannot open; what it lets in, the account may stop: then the account must have answered.
func ofBucketNow(key Key, get func(by []string, ref Ref) result) func(*view, string) result {
	return ofLooked(evidence.LookBucket, key, []string{blockOfBucket, policyOfBucket, grantsOfBucket}, func(_ *view, b evidence.Body, ref Ref) result {
		by := publicBy(*b.Bucket, b.Bucket.Block)
		if len(by) > 0 {
			if why, ok := answered(b, ref, blockOfAccount); !ok {
				return why
			}
			by = publicBy(*b.Bucket, b.Bucket.Block, b.Bucket.AccountBlock)
		}
		return get(by, ref)
	})
}

// membersOn are the members of a block that are on; none for no block.
func membersOn(b *evidence.BlockPublic) (on []string) {
	if b == nil {
		return nil
	}
	for _, m := range []struct {
		name string
		set  bool
	}{
		{"BlockPublicAcls", b.BlockACLs},
		{"BlockPublicPolicy", b.BlockPolicy},
		{"IgnorePublicAcls", b.IgnoreACLs},
		{"RestrictPublicBuckets", b.RestrictBuckets},
	} {
		if m.set {
			on = append(on, m.name)
		}
	}
	return on
}

// blockedBy are the members in effect, each with the levels that set it.
func blockedBy(b evidence.LookedBucket) (on []string) {
	own, account := membersOn(b.Block), membersOn(b.AccountBlock)
	for _, m := range sortedCopy(append(slices.Clone(own), account...)) {
		switch {
		case !slices.Contains(account, m):
			m += " (bucket)"
		case !slices.Contains(own, m):
			m += " (account)"
		default:
			m += " (bucket, account)"
		}
		on = append(on, m)
	}
	return on
}
