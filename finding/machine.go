package finding

// A Process is the process that a runtime finding is about.
type Process struct {
	Name    string
	Path    string // executablePath
	SHA256  string // executableSha256
	User    string
	Lineage []string // executables from the process's parent upward, as received
}

// A Container is what ran the process or held the file.
type Container struct {
	ID    string
	Name  string
	Image string
	Task  string // ARN of the ECS task
}

// A Threat is one thing that a malware scan named.
type Threat struct {
	Name  string
	Count int // of files or items; 0 when the finding does not tell
	Files []ThreatFile
}

// A ThreatFile is a file or object in which a threat was found.
type ThreatFile struct {
	Path string
	Hash string
}

// A Scan is what a malware scan reported.
type Scan struct {
	ID      string
	Trigger string // id of the finding that started the scan
	Scanned int    // files scanned; 0 when the finding does not tell
	Threats []Threat
	Copies  []string // ARNs of the snapshot, image or recovery point that was scanned
}

// An Object is the object of a bucket in which a scan found malware.
type Object struct {
	Bucket  string
	Key     string
	Version string // "" when the bucket keeps none, or the finding does not tell
}

// A Login is what a finding says of logins to a database.
type Login struct {
	Instance    string // dbInstanceIdentifier, or the shard group of a limitless database
	Cluster     string
	Engine      string
	Database    string
	User        string
	Application string
	Auth        string // authMethod
	Failed      int
	Successful  int
	Counted     bool // the finding carries counts of logins
}

// A Function is an AWS Lambda function.
type Function struct {
	Name     string
	ARN      string
	Version  string
	Role     string // ARN
	VPC      string // "" when the function is in none, or the finding does not tell
	Revision string
}

// Names as in the service model of GuardDuty (botocore, guardduty 2017-11-28).
func (f *Finding) readMachine(top node) {
	resource, service := top.at("resource"), top.at("service")
	f.Process = readProcess(service.at("runtimeDetails", "process"))
	f.Container = readContainer(resource)
	f.Scan = readScan(resource, service)
	f.Login = readLogin(resource, service)
	if buckets := resource.at("s3BucketDetails").list(); len(buckets) > 0 {
		if objects := buckets[0].at("s3ObjectDetails").list(); len(objects) > 0 {
			f.Object = Object{buckets[0].at("name").text(), objects[0].at("key").text(), objects[0].at("versionId").text()}
		}
	}
	lambda := resource.at("lambdaDetails")
	f.Function = Function{
		Name: lambda.at("functionName").text(), ARN: lambda.at("functionArn").text(), Version: lambda.at("functionVersion").text(),
		Role: lambda.at("role").text(), VPC: lambda.at("vpcConfig", "vpcId").text(), Revision: lambda.at("revisionId").text(),
	}
}

func readProcess(n node) Process {
	p := Process{
		Name: n.at("name").text(), Path: n.at("executablePath").text(),
		SHA256: n.at("executableSha256").text(), User: n.at("user").text(),
	}
	for _, l := range n.at("lineage").list() {
		if s := first(l.at("executablePath").text(), l.at("name").text()); s != "" {
			p.Lineage = append(p.Lineage, s)
		}
	}
	return p
}

// readContainer takes the container itself, else the first of the workload or task.
func readContainer(resource node) Container {
	task := resource.at("ecsClusterDetails", "taskDetails")
	var all []node
	for _, n := range []node{
		resource.at("containerDetails"), resource.at("kubernetesDetails", "kubernetesWorkloadDetails", "containers"), task.at("containers"),
	} {
		all = append(all, n.list()...)
	}
	c := Container{Task: task.at("arn").text()}
	if len(all) > 0 {
		c.ID, c.Name, c.Image = all[0].at("id").text(), all[0].at("name").text(), all[0].at("image").text()
	}
	return c
}

func readScan(resource, service node) Scan {
	ebs, other := service.at("ebsVolumeScanDetails"), service.at("malwareScanDetails")
	found := ebs.at("scanDetections")
	s := Scan{
		ID: first(ebs.at("scanId").text(), other.at("scanId").text()), Trigger: ebs.at("triggerFindingId").text(),
		Scanned: found.at("scannedItemCount", "files").whole(),
	}
	for _, n := range found.at("threatDetectedByName", "threatNames").list() {
		t := Threat{Name: n.at("name").text(), Count: n.at("itemCount").whole()}
		for _, f := range n.at("filePaths").list() {
			t.Files = append(t.Files, ThreatFile{first(f.at("filePath").text(), f.at("fileName").text()), f.at("hash").text()})
		}
		s.Threats = append(s.Threats, t)
	}
	object := resource.at("s3BucketDetails").list()
	for _, n := range other.at("threats").list() {
		t := Threat{Name: n.at("name").text(), Count: n.at("count").whole()}
		for _, f := range n.at("itemPaths").list() {
			t.Files = append(t.Files, ThreatFile{f.at("nestedItemPath").text(), f.at("hash").text()})
		}
		for _, b := range object {
			for _, o := range b.at("s3ObjectDetails").list() {
				t.Files = append(t.Files, ThreatFile{o.at("key").text(), o.at("hash").text()})
			}
		}
		s.Threats = append(s.Threats, t)
	}
	var copies unique[string]
	copies.add(resource.at("ebsSnapshotDetails", "snapshotArn").text())
	copies.add(resource.at("ec2ImageDetails", "imageArn").text())
	copies.add(resource.at("recoveryPointDetails", "recoveryPointArn").text())
	s.Copies = copies.list
	return s
}

func readLogin(resource, service node) Login {
	db, limitless, user := resource.at("rdsDbInstanceDetails"), resource.at("rdsLimitlessDbDetails"), resource.at("rdsDbUserDetails")
	l := Login{
		Instance: first(db.at("dbInstanceIdentifier").text(), limitless.at("dbShardGroupIdentifier").text()),
		Cluster:  first(db.at("dbClusterIdentifier").text(), limitless.at("dbClusterIdentifier").text()),
		Engine:   first(db.at("engine").text(), limitless.at("engine").text()),
		Database: user.at("database").text(), User: user.at("user").text(),
		Application: user.at("application").text(), Auth: user.at("authMethod").text(),
	}
	for _, a := range service.at("action", "rdsLoginAttemptAction", "loginAttributes").list() {
		l.User, l.Application = first(l.User, a.at("user").text()), first(l.Application, a.at("application").text())
		failed, successful := a.at("failedLoginAttempts"), a.at("successfulLoginAttempts")
		l.Counted = l.Counted || failed.present() || successful.present()
		l.Failed += max(0, failed.whole())
		l.Successful += max(0, successful.whole())
	}
	return l
}
