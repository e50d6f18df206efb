package fact

import (
	"slices"
	"strings"

	"uratori/evidence"
)

// The calls whose answers facts about buckets rest on (Amazon S3 API Reference).
const (
	blockOfBucket      = "s3:GetBucketPublicAccessBlock" // IAM's name of the action; the API is GetPublicAccessBlock
	policyOfBucket     = "s3:GetBucketPolicyStatus"
	grantsOfBucket     = "s3:GetBucketAcl"
	tagsOfBucket       = "s3:GetBucketTagging"
	versioningOfBucket = "s3:GetBucketVersioning"
	loggingOfBucket    = "s3:GetBucketLogging"
)

var lookedBucketDefs = []Def{
	{Key: "impact.bucket_exists", Looks: evidence.LookBucket, Rule: existed(evidence.LookBucket, "impact.bucket_exists"), Type: Bool, Kind: External, JA: "バケットの存在", EN: "the bucket exists", Says: "look-up: S3 knows the bucket now"},
	{Key: "impact.bucket_public_now", Looks: evidence.LookBucket, Rule: ofBucket("impact.bucket_public_now", []string{blockOfBucket, policyOfBucket, grantsOfBucket}, bucketPublic), Type: Bool, Kind: Computed, JA: "バケット自身の設定による現在の公開", EN: "the bucket's own settings make it public now", Says: "look-up: a public policy without RestrictPublicBuckets, or a grant to everyone without IgnorePublicAcls; blocks of the account and the organisation are not looked at"},
	{Key: "impact.bucket_public_by", Looks: evidence.LookBucket, Rule: ofBucket("impact.bucket_public_by", []string{blockOfBucket, policyOfBucket, grantsOfBucket}, func(b evidence.LookedBucket, ref Ref) result {
		return listed(publicBy(b), ref)
	}), Type: Texts, Kind: Computed, JA: "公開している設定", EN: "settings that make it public", Says: "look-up: bucket policy, and the permissions that the ACL grants to everyone"},
	{Key: "impact.bucket_blocks", Looks: evidence.LookBucket, Rule: ofBucket("impact.bucket_blocks", []string{blockOfBucket}, bucketBlocks), Type: Texts, Kind: External, JA: "バケットのパブリックアクセスブロック", EN: "the bucket's public access block", Says: "look-up: members of the bucket's own block that are on now"},
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

// publicBy are the bucket's settings that let everyone in, as far as its own block lets them
// (Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage": BlockPublicAcls and
// BlockPublicPolicy only refuse new ones).
func publicBy(b evidence.LookedBucket) (by []string) {
	var block evidence.BlockPublic
	if b.Block != nil {
		block = *b.Block
	}
	if b.PolicyPublic != nil && *b.PolicyPublic && !block.RestrictBuckets {
		by = append(by, "bucket policy")
	}
	if !block.IgnoreACLs {
		by = append(by, b.PublicGrants...)
	}
	return by
}

func bucketPublic(b evidence.LookedBucket, ref Ref) result {
	return known(BoolOf(len(publicBy(b)) > 0), ref)
}

func bucketBlocks(b evidence.LookedBucket, ref Ref) result {
	if b.Block == nil {
		return notApplicable(ref)
	}
	var on []string
	for _, m := range []struct {
		name string
		set  bool
	}{
		{"BlockPublicAcls", b.Block.BlockACLs},
		{"BlockPublicPolicy", b.Block.BlockPolicy},
		{"IgnorePublicAcls", b.Block.IgnoreACLs},
		{"RestrictPublicBuckets", b.Block.RestrictBuckets},
	} {
		if m.set {
			on = append(on, m.name)
		}
	}
	return listed(on, ref)
}
