package local

import "strings"

// An origin is what is known of records by where they were delivered, and by the envelope they came in.
type origin struct {
	account  string
	region   string
	cluster  string // of Amazon EKS
	instance string // of Amazon RDS: instance or cluster
}

// originOf reads the place from a file's name. Services write the account and the Region into it:
// "AWSLogs/111122223333/vpcflowlogs/ap-northeast-1/...", "aws-account-id=111122223333/..." (Hive
// partitions), "region=ap-northeast-1/accountId=111122223333/..." (Security Lake). Two accounts in one
// name tell neither.
func originOf(name string) (p origin) {
	if i := strings.LastIndex(name, "AWSLogs/"); i >= 0 {
		name = name[i:]
	}
	steps := strings.Split(name, "/")
	only := func(into *string, is func(string) bool) {
		for _, s := range steps {
			s = s[strings.LastIndexByte(s, '=')+1:]
			switch {
			case !is(s) || s == *into:
			case *into != "":
				*into = ""
				return
			default:
				*into = s
			}
		}
	}
	only(&p.account, isAccount)
	only(&p.region, isRegion)
	for i := range steps {
		p.group(strings.Join(steps[i:], "/"))
	}
	return p
}

// group takes the cluster or instance from a log group's name, such as "/aws/eks/web/cluster" and
// "/aws/rds/cluster/orders/audit".
func (p *origin) group(name string) {
	steps := strings.Split(strings.TrimPrefix(name, "/"), "/")
	switch {
	case len(steps) < 4 || steps[0] != "aws":
	case steps[1] == "eks" && steps[3] == "cluster":
		p.cluster = steps[2]
	case steps[1] == "rds" && (steps[2] == "cluster" || steps[2] == "instance"):
		p.instance = steps[3]
	}
}

func isAccount(s string) bool { return len(s) == 12 && allDigits(s) }

// isRegion knows the form of a Region's name, such as ap-northeast-1 and us-gov-west-1.
func isRegion(s string) bool {
	parts := strings.Split(s, "-")
	if n := len(parts); n < 3 || n > 4 || len(parts[0]) < 2 || len(parts[0]) > 5 || len(parts[n-1]) != 1 || !allDigits(parts[n-1]) {
		return false
	}
	for _, p := range parts[:len(parts)-1] {
		if p == "" || strings.Trim(p, "abcdefghijklmnopqrstuvwxyz") != "" {
			return false
		}
	}
	return true
}

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
