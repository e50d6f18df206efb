package main

import (
	"slices"
	"strings"
	"testing"

	"uratori/access"
	"uratori/guardduty"
	"uratori/source/awsconn"
	"uratori/source/awslogs"
	"uratori/source/awslookup"
	"uratori/source/cloudtrail"
)

// grantedFor are actions that no code of ours calls by that name, each with its reason.
var grantedFor = map[string]string{
	"glue:GetDatabase": "Athena reads the table's description with the caller's permissions", "glue:GetTable": "the same",
	"glue:GetPartition": "the same", "glue:GetPartitions": "the same",
	"s3:GetObject": "Athena reads the files behind the table, and writes results, with the caller's permissions", "s3:ListBucket": "the same",
	"s3:PutObject": "the same", "s3:AbortMultipartUpload": "the same",
}

// free are actions that every principal may call, or that are granted outside the features.
var free = map[string]string{
	"sts:GetCallerIdentity":         "needs no permission",
	"sts:AssumeRole":                "granted by the policy of the reader role itself, on member roles alone",
	"guardduty:CreateInvestigation": "writes; only a person asks for it, and no policy of ours grants it",
}

// Every action that a package needs is granted, and none of the tables' actions is left out.
func TestNeededActionsAreGranted(t *testing.T) {
	granted := access.Actions(access.Features())
	needed := slices.Concat(awsconn.Actions, awslookup.Actions, awslogs.Actions, guardduty.Actions)
	for api := range cloudtrail.Paces {
		needed = append(needed, api)
	}
	for _, a := range needed {
		if !slices.Contains(granted, a) && free[a] == "" {
			t.Errorf("%s is called and not granted", a)
		}
	}
	for _, a := range granted {
		service, _, _ := strings.Cut(a, ":")
		if service == "athena" || grantedFor[a] != "" { // Athena's calls are held against what a double saw
			continue
		}
		if !slices.Contains(needed, a) {
			t.Errorf("%s is granted, and no code calls it", a)
		}
	}
}
