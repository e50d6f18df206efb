package kinds

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"uratori/finding"
)

// A place is where an address is, as GuardDuty tells it.
type place struct {
	ip, country, code, city string
	asn, org                string
	lat, lon                float64
}

// A cast is everything that a finding and the logs beside it speak about.
type cast struct {
	info    finding.Info
	rng     *rand.Rand
	seed    uint64
	hostile bool // an attacker acted
	sample  bool
	named   string // the resource in one word, set while the finding is made

	account, management, accountName string
	region, detector, id             string
	at, last, created                time.Time // first seen, last seen, when GuardDuty told
	count                            int

	// Who.
	upn, display, objectID, storeUser, store string
	permissionSet, role, roleID, key         string
	userName, userID, userKey                string
	sessionAt                                time.Time
	home, remote                             place
	tool                                     string

	// What.
	bucket, object                           string
	instance, eni, private, public           string
	vpc, subnet, group, image, profile       string
	instanceRole, instanceRoleID             string
	cluster, namespace, workload, pod, podID string
	containerImage, containerID              string
	ecs, task                                string
	function, functionRole                   string
	db, dbUser, dbName, dbHost               string
	domain                                   string
	volume, snapshot, vault                  string
	malware, hash, path                      string
	model                                    string
	lateral                                  string // the other instance of a sweep, a lateral movement
}

// Accounts of the kind that documentation uses: a member account and the management account.
var accounts = [][2]string{
	{"111122223333", "444455556666"},
	{"222233334444", "555566667777"},
	{"333344445555", "666677778888"},
	{"777788889999", "111122224444"},
}

// Invented people: family name, given name, display name.
var people = [][3]string{
	{"nakamura", "aoi", "中村 葵"},
	{"yoshida", "riku", "吉田 陸"},
	{"matsumoto", "hina", "松本 陽菜"},
	{"inoue", "haru", "井上 晴"},
	{"kimura", "sui", "木村 翠"},
}

// agent is the program that people of the stories use.
const agent = "aws-cli/2.17.9 md/awscrt#0.20.11 ua/2.0 os/macos#23.5.0 md/arch#arm64 lang/python#3.11.8"

// foreign is the program of an attacker.
const foreign = "Boto3/1.34.100 md/Botocore#1.34.100 ua/2.0 os/linux#6.5.0 lang/python#3.12.3"

// first is the moment of the stories by seed 1: a Tuesday, 11:05 in Tokyo.
var first = time.Date(2025, 9, 9, 2, 5, 0, 0, time.UTC)

func newCast(info finding.Info, o Options) *cast {
	h := fnv.New64a()
	_, _ = h.Write([]byte(info.Type))
	c := &cast{info: info, seed: o.Seed, rng: rand.New(rand.NewPCG(o.Seed, h.Sum64())), hostile: !o.Benign, sample: o.Sample}
	n := int(o.Seed - 1)
	pair := accounts[n%len(accounts)]
	c.account, c.management, c.accountName = pair[0], pair[1], "web-production"
	c.region = "ap-northeast-1"
	c.detector, c.id = c.hex(32), c.hex(32)
	// Tuesday, Wednesday or Thursday.
	c.at = first.Add(time.Duration(n%3)*24*time.Hour + time.Duration(c.rng.IntN(40))*time.Minute + time.Duration(c.rng.IntN(60))*time.Second)
	c.count = 1
	c.last = c.at
	if c.hostile {
		c.count = 3 + c.rng.IntN(4)
		c.last = c.at.Add(21 * time.Minute)
	}
	c.created = c.last.Add(9*time.Minute + 38*time.Second)

	p := people[n%len(people)]
	c.upn, c.display = fmt.Sprintf("%s.%s@example.co.jp", p[0], p[1]), p[2]
	c.objectID, c.storeUser, c.store = c.uuid(), c.uuid(), "d-9567"+c.hex(6)
	c.permissionSet = "PlatformEngineer"
	c.role = fmt.Sprintf("AWSReservedSSO_%s_%s", c.permissionSet, c.hex(16))
	c.roleID, c.key = "AROA"+c.upper(17), "ASIA"+c.upper(16)
	c.userName, c.userID, c.userKey = "deploy-"+p[0], "AIDA"+c.upper(17), "AKIA"+c.upper(16)
	c.sessionAt = c.at.Add(-14 * time.Minute)
	c.home = place{fmt.Sprintf("203.0.113.%d", 10+c.rng.IntN(100)), "Japan", "JP", "Tokyo", "64500", "EXAMPLE-ISP-JP", 35.68, 139.76}
	c.remote, c.tool = c.home, agent
	if c.hostile {
		c.remote = place{fmt.Sprintf("198.51.100.%d", 10+c.rng.IntN(200)), "Netherlands", "NL", "Amsterdam", "64511", "EXAMPLE-HOSTING-NL", 52.37, 4.9}
		c.tool = foreign
	}

	c.bucket, c.object = "customer-exports-"+c.hex(6), "exports/2025/09/customers-0001.csv"
	c.instance, c.eni = "i-0"+c.hex(16), "eni-0"+c.hex(16)
	c.private, c.public = fmt.Sprintf("10.0.1.%d", 20+c.rng.IntN(200)), fmt.Sprintf("192.0.2.%d", 20+c.rng.IntN(200))
	c.vpc, c.subnet, c.group = "vpc-0"+c.hex(16), "subnet-0"+c.hex(16), "sg-0"+c.hex(16)
	c.image, c.profile = "ami-0"+c.hex(16), "AIPA"+c.upper(17)
	c.instanceRole, c.instanceRoleID = "web-server", "AROA"+c.upper(17)
	c.lateral = fmt.Sprintf("10.0.2.%d", 20+c.rng.IntN(200))
	c.cluster, c.namespace, c.workload = "shop-prod", "checkout", "checkout-api"
	c.pod = fmt.Sprintf("%s-%s-%s", c.workload, c.hex(10), c.hex(5))
	c.podID = c.uuid()
	c.containerImage = fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/%s:2025.9.1", c.account, c.region, c.workload)
	c.containerID = "containerd://" + c.hex(64)
	c.ecs, c.task = "batch-prod", c.hex(32)
	c.function, c.functionRole = "order-webhook", "order-webhook-role"
	c.db, c.dbUser, c.dbName = "orders-prod", "app_admin", "orders"
	c.dbHost = "ip-10-0-3-" + fmt.Sprint(10+c.rng.IntN(200))
	c.domain = "updates.example.com"
	if c.hostile {
		c.domain = c.pick("bcdfghjklmnpqrstvwxz", 12) + ".example.net"
	}
	c.volume, c.snapshot, c.vault = "vol-0"+c.hex(16), "snap-0"+c.hex(16), "daily-vault"
	c.malware, c.hash, c.path = "Trojan:Linux/ExampleMiner", c.hex(64), "/tmp/.cache/kworkerd"
	if !c.hostile {
		c.malware, c.path = "EICAR-Test-File", "/opt/scanner/testdata/eicar.txt"
	}
	c.model = "anthropic.claude-3-haiku-20240307-v1:0"
	return c
}

// is tells whether the type's text holds one of the words.
func (c *cast) is(words ...string) bool {
	for _, w := range words {
		if strings.Contains(string(c.info.Type), w) {
			return true
		}
	}
	return false
}

// choose is the first for what an attacker does, else the second.
func (c *cast) choose(hostile, benign string) string {
	if c.hostile {
		return hostile
	}
	return benign
}

func (c *cast) pick(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[c.rng.IntN(len(alphabet))]
	}
	return string(b)
}

func (c *cast) hex(n int) string   { return c.pick("0123456789abcdef", n) }
func (c *cast) upper(n int) string { return c.pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", n) }

func (c *cast) uuid() string { return c.uuidOf(c.hex(32)) }

// uuidOf makes an id of hex digits without drawing another random number.
func (c *cast) uuidOf(h string) string {
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}

// arn is the name of a resource in the account and Region.
func (c *cast) arn(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, c.region, c.account, resource)
}

func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// milli is a time as findings write it.
func milli(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// epoch is a time as nested members write it: seconds since 1970.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
