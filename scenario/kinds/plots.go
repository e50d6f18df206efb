package kinds

import (
	"fmt"
	"strings"
	"time"
)

// plots are all stories, by family. What is expected follows from the decision rules (one floor or
// a score of 60 is suspicious; two independent floors of the same actor are malicious; benign needs
// a low score, complete evidence and a whole chain or a known automation) and from what the
// GuardDuty User Guide and AWS's incident response playbooks have an analyst ask of the type.
// It was written before anything ran.
var plots = []plot{
	// Credentials.
	{
		"Discovery:IAMUser/AnomalousBehavior",
		[]string{management},
		(*tale).credential,
		harmless("An engineer lists users as on fourteen earlier days, from the office, in her usual hour, in a session whose chain is whole."),
		caught("The same session, from a network never seen, goes on to create a key and to stop the trail: two independent floors."),
		unseen(management, "Only sign-ins are there: whether the call was made at all, and what came after it, nobody can see."),
	},
	{
		"CredentialAccess:IAMUser/AnomalousBehavior",
		[]string{management},
		(*tale).credential,
		harmless("The engineer reads one secret as on earlier days; nothing about the source is new and the chain is whole."),
		caught("A secret is read from a new network; then a key is created and the trail stopped by the same session."),
		unseen(management, "Whether the secret was read, and what else was, is in CloudTrail alone, and there is none."),
	},
	{
		"Exfiltration:IAMUser/AnomalousBehavior",
		[]string{management},
		(*tale).credential,
		harmless("Snapshots are shared with a backup account as every working day: 32 points less usual hours and office leave it low."),
		caught("A snapshot is shared from a new network by a session that then creates a key and stops the trail."),
		unseen(management, "With whom the snapshot was shared is in CloudTrail alone, and there is none."),
	},
	{
		"Impact:IAMUser/AnomalousBehavior",
		[]string{management},
		(*tale).credential,
		harmless("Test databases are deleted every working day by the same engineer from the office; the chain is whole."),
		caught("A database is deleted from a new network by a session that then creates a key and stops the trail."),
		unseen(management, "What was deleted, and by whom, is in CloudTrail alone, and there is none."),
	},
	{
		"Persistence:IAMUser/AnomalousBehavior",
		[]string{management},
		(*tale).once,
		Expect{Verdicts: []string{"suspicious"}, AtLeast: "High", Because: "A new access key is a floor whoever makes it: the engineer's whole chain does not say that she made it, only that her session did; she has to be asked."},
		caught("The key is created from a new network, and the same session stops the trail: access and logging are two floors."),
		unseen(management, "Whether a key exists that was not there before is in CloudTrail alone, and there is none."),
	},
	{
		"PrivilegeEscalation:IAMUser/AnomalousBehavior",
		[]string{management},
		(*tale).once,
		Expect{Verdicts: []string{"suspicious"}, AtLeast: "High", Because: "An administrator's policy was attached: wider permissions are a floor until whoever did it confirms them."},
		caught("The policy is attached from a new network, and the same session stops the trail."),
		unseen(management, "Which permissions were widened is in CloudTrail alone, and there is none."),
	},
	{
		"Stealth:IAMUser/CloudTrailLoggingDisabled",
		[]string{management},
		(*tale).once,
		Expect{Verdicts: []string{"suspicious"}, AtLeast: "High", Because: "A trail was stopped by the engineer's own session: one floor. That it is to be replaced is in no log; a change record would say so."},
		caught("The trail is stopped from a new network, and the same session creates a key."),
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Missing: []string{management}, Gap: management, Because: "The finding itself says that logging was stopped; what happened then cannot be seen and nothing may be called harmless."},
	},
	{
		"UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B",
		[]string{management},
		(*tale).credential,
		open("A long-term user signed in with multifactor authentication from the office: usual, but no person is known behind the user, so only the owner can say."),
		caught("The user signs in from a network never seen, creates a key and stops the trail."),
		unseen(management, "Whether and how the user signed in is in CloudTrail alone, and there is none."),
	},
	{
		"UnauthorizedAccess:IAMUser/TorIPCaller",
		[]string{management},
		(*tale).once,
		Expect{Verdicts: []string{"suspicious"}, AtLeast: "High", Because: "An anonymiser is a floor whoever uses it; the whole chain does not say why Tor was used, so it stays suspicious until the person says."},
		caught("From the anonymiser the session creates a key and stops the trail."),
		listed(management, "The anonymiser alone is a floor; the missing log does not lower it."),
	},
	{
		"UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
		[]string{management},
		(*tale).credential,
		open("The address is in our own office network, through which instances may be routed: likely the egress, but the network team has to say so."),
		caught("The instance's credentials are used from a hosting network; a key is created and the trail stopped."),
		unseen(management, "What the instance's credentials did elsewhere is in CloudTrail alone, and there is none."),
	},
	{
		"Policy:IAMUser/RootCredentialUsage",
		[]string{management},
		(*tale).once,
		open("The root user acted once from the office: no log names the person, so the holder has to be asked what for."),
		caught("The root user, from a new network, creates a key and stops the trail."),
		unseen(management, "What the root user did is in CloudTrail alone, and there is none."),
	},
	{
		"PenTest:IAMUser/KaliLinux",
		[]string{management},
		(*tale).once,
		open("A distribution for penetration tests used a long-term key from the office: likely a test, but whose is in no log."),
		caught("From a new network the key creates another and stops the trail."),
		unseen(management, "What the key did is in CloudTrail alone, and there is none."),
	},
	// Credentials, deeper: chained roles, probing, logging that was off for a while.
	{
		"InitialAccess:IAMUser/AnomalousBehavior",
		[]string{management},
		(*tale).chained,
		harmless("The engineer obtains a token and assumes the deployment role of her own account as on fourteen earlier days, from the office, in a session whose chain is whole: 35 points less usual hours and office leave it low."),
		caught("The same role is assumed from a network never seen, and from it a role of another account, where a policy is attached and the trail stopped: two independent floors, which stand in the other account's log alone."),
		unseen(management, "Which roles were assumed, and what was done with them, is in CloudTrail alone, and there is none."),
	},
	{
		"PenTest:IAMUser/ParrotLinux",
		[]string{management},
		(*tale).probing,
		open("A distribution for penetration tests tries sixteen APIs from the office as every working day: a test by its habit, but nobody is known behind the key."),
		caught("Sixteen APIs are tried within two minutes from a network never seen; then a key is created and the trail stopped."),
		unseen(management, "What the key tried is in CloudTrail alone, and there is none."),
	},
	{
		"DefenseEvasion:IAMUser/AnomalousBehavior",
		[]string{management},
		(*tale).restarted,
		Expect{Verdicts: []string{"suspicious"}, AtLeast: "High", Because: "The engineer's own session stopped a trail and started it again half an hour later: one floor, until a change record says why."},
		caught("A trail is stopped from a network never seen and started again half an hour later; the same session created a key."),
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Missing: []string{management}, Gap: management, Because: "The finding says that logging was stopped; what happened then cannot be seen and nothing may be called harmless."},
	},
	{
		"Stealth:IAMUser/PasswordPolicyChange",
		[]string{management},
		(*tale).once,
		open("A long-term user weakened the password policy from the office: no log was switched off by it, but nobody is known behind the user."),
		caught("The policy is weakened from a network never seen; then a key is created and the trail stopped."),
		unseen(management, "Who weakened the policy is in CloudTrail alone, and there is none."),
	},
	{
		"Policy:IAMUser/ShortTermRootCredentialUsage",
		[]string{management},
		(*tale).once,
		open("A short session of the root user looked at instances from the office: no log names the person, so the holder has to be asked."),
		caught("From a network never seen the root session creates a key and stops the trail."),
		unseen(management, "What the root session did is in CloudTrail alone, and there is none."),
	},

	// Buckets.
	{
		"Exfiltration:S3/AnomalousBehavior",
		[]string{s3Data, accessLog},
		(*tale).bucketRead,
		harmless("Three objects were read, as on earlier days, from the office in a session whose chain is whole."),
		caught("Twelve hundred objects are read from a new network, then a key is created and the trail stopped."),
		unseen(s3Data, "Which objects were read, and how many, is in data events, or less surely in the access log, and there is neither."),
	},
	{
		"Impact:S3/AnomalousBehavior.Delete",
		[]string{s3Data},
		(*tale).bucketDelete,
		Expect{Verdicts: []string{"inconclusive"}, AtMost: "Medium", Because: "Two objects were deleted in the usual way: ten points on a high severity leave it above low, and only their owner knows that they may go."},
		caught("Four hundred objects are deleted from a new network and the trail is stopped."),
		unseen(s3Data, "What was deleted is in data events alone, and no trail records them."),
	},
	{
		"Impact:S3/AnomalousBehavior.Write",
		[]string{s3Data},
		(*tale).bucketWrite,
		harmless("One object was written, as on earlier days, from the office in a session whose chain is whole."),
		caught("Four hundred objects are written anew with a key that only the writer holds, and their versions set to expire; a key is created and the trail stopped."),
		unseen(s3Data, "What was written, and how it is encrypted, is in data events alone, and no trail records them."),
	},
	{
		"Discovery:S3/AnomalousBehavior",
		[]string{s3Data, accessLog},
		(*tale).bucketRead,
		harmless("The bucket was listed as on earlier days, from the office in a session whose chain is whole."),
		caught("The bucket is listed and twelve hundred objects are read from a new network; then a key is created and the trail stopped."),
		unseen(s3Data, "Whether the bucket was only listed is in data events, or less surely in the access log, and there is neither."),
	},
	{
		"Policy:S3/BucketAnonymousAccessGranted",
		[]string{management},
		(*tale).once,
		Expect{Verdicts: []string{"inconclusive"}, Because: "The engineer's own session opened the bucket: known who, but whether the content may be public only the owner can say."},
		caught("The bucket is opened from a new network by a session that creates a key and stops the trail."),
		unseen(management, "Who opened the bucket is in CloudTrail alone, and there is none."),
	},
	{
		"Stealth:S3/ServerAccessLoggingDisabled",
		[]string{management},
		(*tale).once,
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Because: "A log was switched off by the engineer's own session: what it would have shown is unseen, so it is not benign without a change record."},
		caught("The bucket's log is switched off from a new network; then a key is created and the trail stopped."),
		unseen(management, "Who switched the log off is in CloudTrail alone, and there is none."),
	},
	{
		"UnauthorizedAccess:S3/TorIPCaller",
		[]string{s3Data, accessLog},
		(*tale).bucketRead,
		Expect{Verdicts: []string{"suspicious"}, AtLeast: "High", Because: "An anonymiser is a floor whoever uses it, although few objects were read."},
		caught("From the anonymiser twelve hundred objects are read, a key is created and the trail stopped."),
		listed(s3Data, "The anonymiser alone is a floor; neither data events nor an access log show which objects were read."),
	},

	// Instances: traffic.
	{
		"Backdoor:EC2/C&CActivity.B",
		[]string{vpcFlow},
		(*tale).beacon,
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Because: "Each attempt was rejected and nothing was ever sent: contained, but something on the instance tried."},
		alarming("Every five minutes for a day a connection to a listed server is accepted and answered: a beacon."),
		listed(vpcFlow, "The listed server alone is a floor; whether it answered cannot be seen."),
	},
	{
		"UnauthorizedAccess:EC2/SSHBruteForce",
		[]string{vpcFlow},
		(*tale).guessing,
		harmless("Our instance is the target, and every attempt was rejected before a session: nothing was let in."),
		alarming("After three hundred short sessions one lasts forty minutes and carries twelve megabytes: a password was found."),
		unseen(vpcFlow, "Whether one of the attempts came through is in flow logs alone, and there is none."),
	},
	{
		"Recon:EC2/PortProbeUnprotectedPort",
		[]string{vpcFlow},
		(*tale).probed,
		harmless("The probes were rejected, and the port has answered nobody for a month."),
		alarming("The port answers the prober, and eighty megabytes leave by it."),
		unseen(vpcFlow, "Whether the port answered is in flow logs alone, and there is none."),
	},
	{
		"Behavior:EC2/TrafficVolumeUnusual",
		[]string{vpcFlow},
		(*tale).volumeOut,
		harmless("As much leaves for the same address of the office every night: a back-up."),
		alarming("Seven gigabytes leave within twenty minutes for an address that was never seen before."),
		unseen(vpcFlow, "Where the traffic went, and whether it ever did before, is in flow logs alone, and there is none."),
	},
	{
		"CryptoCurrency:EC2/BitcoinTool.B",
		[]string{vpcFlow},
		(*tale).beacon,
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Because: "Each attempt to reach the pool was rejected: nothing was mined, but something on the instance tried."},
		alarming("A connection to the pool is held for a day."),
		listed(vpcFlow, "The pool's address alone is a floor; whether it answered cannot be seen."),
	},
	{
		"Recon:EC2/Portscan",
		[]string{vpcFlow},
		(*tale).scan,
		open("Ten ports of one neighbour were tried within a minute and refused: a check of reachability looks like this, and so does the beginning of a search."),
		alarming("A thousand ports of a neighbour are tried, and a long session on the one that answers follows."),
		unseen(vpcFlow, "Which hosts were scanned and which answered is in flow logs alone, and there is none."),
	},
	{
		"UnauthorizedAccess:EC2/TorClient",
		[]string{vpcFlow},
		(*tale).beacon,
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Because: "Each attempt to reach the network was rejected: nothing left by it, but something on the instance tried."},
		alarming("Connections to the anonymiser are held for a day."),
		listed(vpcFlow, "The anonymiser alone is a floor; how much left by it cannot be seen."),
	},

	// Instances: names.
	{
		"Backdoor:EC2/C&CActivity.B!DNS",
		[]string{dnsLog},
		(*tale).asking,
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Because: "The name was asked for once, had no answer, and nothing was sent: a link in a mail can do this, and so can malware."},
		alarming("The name is asked for every five minutes, resolves, and its address is spoken to."),
		listed(dnsLog, "The listed name alone is a floor; how often it was asked for cannot be seen."),
	},
	{
		"Trojan:EC2/DGADomainRequest.B",
		[]string{dnsLog},
		(*tale).generated,
		open("Three odd names within a minute, all without an answer: a browser probes for interception like this, and nothing followed."),
		alarming("Five hundred generated names are asked for, one resolves, and its address is spoken to."),
		unseen(dnsLog, "How many such names were asked for, and whether one resolved, is in query logs alone, and there is none."),
	},
	{
		"Trojan:EC2/DNSDataExfiltration",
		[]string{dnsLog},
		(*tale).tunnel,
		open("Some thirty long names below one domain in an hour, as a reputation service asks them; whose domain it is has to be found out."),
		alarming("Twelve hundred long names below one domain within twenty minutes, by TXT: data leaves in the names."),
		unseen(dnsLog, "How much left in names is in query logs alone, and there is none."),
	},
	{
		"CryptoCurrency:EC2/BitcoinTool.B!DNS",
		[]string{dnsLog},
		(*tale).asking,
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Because: "The pool's name was asked for once and had no answer: nothing was mined, but something asked."},
		alarming("The pool's name is asked for every five minutes, resolves, and its address is spoken to."),
		listed(dnsLog, "The listed name alone is a floor; how often it was asked for cannot be seen."),
	},

	// Kubernetes.
	{
		"CredentialAccess:Kubernetes/SuccessfulAnonymousAccess",
		[]string{eksAudit},
		(*tale).kubernetes,
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Because: "Nobody was authenticated and a secret was given out to an address of the office: the opening is real whoever used it."},
		alarming("Secrets of every namespace are read without authentication from a hosting network."),
		unseen(eksAudit, "What the anonymous caller was given is in the audit log alone, and there is none."),
	},
	{
		"Execution:Kubernetes/ExecInKubeSystemPod",
		[]string{eksAudit},
		(*tale).kubernetes,
		harmless("The engineer runs a command in the pod as on earlier days, from the office, mapped from a session whose chain is whole, and changes nothing."),
		alarming("After the command, secrets are listed and a binding to cluster-admin is created from a network never seen."),
		unseen(eksAudit, "Who ran what in the pod is in the audit log alone, and there is none."),
	},
	{
		"CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed",
		[]string{eksAudit},
		(*tale).kubernetes,
		harmless("One secret of her own namespace is read by the engineer as on earlier days, from the office."),
		alarming("Secrets of every namespace are listed from a network never seen, and a binding to cluster-admin follows."),
		unseen(eksAudit, "Which secrets were read is in the audit log alone, and there is none."),
	},
	{
		"Policy:Kubernetes/AnonymousAccessGranted",
		[]string{eksAudit},
		(*tale).kubernetes,
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Because: "The engineer's own session opened the cluster to anybody: known who, but it is dangerous whoever did it."},
		alarming("The binding is created from a network never seen, and anonymous reads of secrets follow."),
		unseen(eksAudit, "Who created the binding, and who has used it, is in the audit log alone, and there is none."),
	},
	{
		"PrivilegeEscalation:Kubernetes/AnomalousBehavior.WorkloadDeployed!PrivilegedContainer",
		[]string{eksAudit},
		(*tale).kubernetes,
		Expect{Verdicts: []string{"inconclusive"}, Because: "The engineer deployed a privileged workload of a known image from the office: who is known, whether it may be privileged is not."},
		alarming("A privileged workload is deployed from a network never seen; secrets are listed and a binding to cluster-admin follows."),
		unseen(eksAudit, "Who deployed it is in the audit log alone, and there is none."),
	},

	// Programs.
	{
		"Impact:Runtime/CryptoMinerExecuted",
		[]string{vpcFlow},
		(*tale).ran,
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Because: "A benchmark that mines was run from its own folder and spoke to nobody: likely a test, which its owner has to confirm."},
		alarming("A miner from a temporary folder holds a connection to its pool for a day."),
		Expect{Verdicts: []string{"suspicious"}, AtLeast: "High", Gap: vpcFlow, Because: "The agent saw the miner run: that is a floor without any log; whom it spoke to cannot be seen."},
	},
	{
		"Execution:Runtime/ReverseShell",
		[]string{vpcFlow},
		(*tale).ran,
		open("A shell with a socket to the office was begun from a login shell, and nothing was exchanged: an engineer's tunnel looks like this."),
		alarming("A shell begun by the web server holds a connection to a hosting network, and the instance's role is used from there."),
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Gap: vpcFlow, Because: "The agent saw the shell; how long it was connected and what went over it is in flow logs, and there is none."},
	},
	{
		"Execution:Runtime/NewBinaryExecuted",
		[]string{vpcFlow},
		(*tale).ran,
		open("The new program is the service's own, changed by a deployment; the deployment has to confirm it."),
		alarming("A new program from a temporary folder speaks to a hosting network at once, and the instance's role is used from there."),
		Expect{Verdicts: []string{"inconclusive"}, Gap: vpcFlow, Because: "The agent saw the program; whether it spoke to anybody is in flow logs, and there is none."},
	},

	// Databases.
	{
		"CredentialAccess:RDS/AnomalousBehavior.SuccessfulBruteForce",
		[]string{rdsAudit},
		(*tale).connected,
		open("A dozen failures and then a login of the application's user from the office: a changed password looks like this; the owner has to say."),
		alarming("Two hundred and forty failures, then a login, then whole tables are read from a hosting network."),
		unseen(rdsAudit, "What was read after the login is in the audit log alone, and there is none."),
	},
	{
		"CredentialAccess:RDS/AnomalousBehavior.SuccessfulLogin",
		[]string{rdsAudit},
		(*tale).connected,
		open("One login from the office, and the statements of every day: usual, but the user is shared, so only the owner can say who it was."),
		alarming("A login from a hosting network, and whole tables are read."),
		unseen(rdsAudit, "What was done after the login is in the audit log alone, and there is none."),
	},
	{
		"CredentialAccess:RDS/AnomalousBehavior.FailedLogin",
		[]string{rdsAudit},
		(*tale).connected,
		harmless("Six failures from the office and no login by them: nobody came in."),
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, AtLeast: "Medium", Because: "A hundred and eighty failures from a hosting network and no login: an attack that has not succeeded, on a database that the Internet reaches."},
		unseen(rdsAudit, "Whether one of the attempts came through is in the audit log alone, and there is none."),
	},
	{
		"Discovery:RDS/MaliciousIPCaller",
		[]string{rdsAudit},
		(*tale).connected,
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Because: "The address stands on a list, and it never came to a login."},
		alarming("A listed address probes the database, which the Internet reaches, and logs in later."),
		listed(rdsAudit, "The listed address alone is a floor; whether it logged in cannot be seen."),
	},

	// Functions.
	{
		"Backdoor:Lambda/C&CActivity.B",
		[]string{management, lambdaData},
		(*tale).changed,
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Because: "The code was last changed by the deployment role in its usual hour: the listed address may be a partner's, but it stands on a list."},
		alarming("A session from a hosting network replaced the function's code twenty minutes before."),
		listed(management, "The listed address alone is a floor; who changed the function cannot be seen."),
	},
	{
		"CryptoCurrency:Lambda/BitcoinTool.B",
		[]string{management, lambdaData},
		(*tale).changed,
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Because: "Nobody but the deployment role changed the code, and yet it spoke to a pool."},
		alarming("A session from a hosting network replaced the function's code twenty minutes before."),
		listed(management, "The pool's address alone is a floor; who changed the function cannot be seen."),
	},

	// Malware.
	{
		"Execution:EC2/MaliciousFile",
		[]string{management},
		(*tale).file,
		Expect{Verdicts: []string{"inconclusive"}, Because: "A test file in the folder of a scanner's tests: harmless by its name and place, which its owner has to confirm."},
		alarming("A file in a temporary folder, and the instance's role is used from a hosting network afterwards."),
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Gap: management, Because: "The scan names the file; whether the instance's role was used elsewhere is in CloudTrail, and there is none."},
	},
	{
		"Object:S3/MaliciousFile",
		[]string{s3Data},
		(*tale).upload,
		Expect{Verdicts: []string{"inconclusive"}, Because: "The object was uploaded by the portal's own role and read by nobody: contained; the customer who sent it has to be told."},
		alarming("The object was uploaded from a hosting network with the engineer's session, and read by three other principals."),
		unseen(s3Data, "Who uploaded the object, and who has read it, is in data events alone, and no trail records them."),
	},
	{
		"Execution:EC2/MaliciousFile!Snapshot",
		[]string{management},
		(*tale).file,
		Expect{Verdicts: []string{"inconclusive"}, Because: "A test file in the folder of a scanner's tests in a snapshot that the back-up made; its owner has to confirm it."},
		alarming("A file in a temporary folder of a snapshot, and the instance's role is used from a hosting network."),
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Gap: management, Because: "The scan names the file; who restored the snapshot since is in CloudTrail, and there is none."},
	},

	// Models.
	{
		"Impact:IAMUser/AnomalousModelInvocation",
		[]string{bedrock},
		(*tale).models,
		harmless("The engineer invokes the model she invokes every day, from the office, in a session whose chain is whole; a low severity."),
		caught("From a new network the model is invoked four hundred times, invocation logging is deleted, a key is created and the trail stopped."),
		unseen(bedrock, "How often which model was invoked is in data events alone, and no trail records them."),
	},
	{
		"Impact:IAMUser/CostHarvesting",
		[]string{bedrock},
		(*tale).models,
		harmless("The engineer invokes the model she invokes every day, from the office, in a session whose chain is whole; a low severity."),
		caught("From a new network the model is invoked four hundred times, invocation logging is deleted, a key is created and the trail stopped."),
		unseen(bedrock, "How often which model was invoked is in data events alone, and no trail records them."),
	},

	// Custom detection rules: the event is known, the question is whether it was wanted.
	{
		"Persistence:EC2/ExternalRemoteServices",
		[]string{management},
		(*tale).once,
		Expect{Verdicts: []string{"inconclusive"}, Because: "The engineer's own session opened port 22 to the Internet: known who, but the change has no record."},
		caught("The port is opened from a new network by a session that creates a key and stops the trail."),
		unseen(management, "Who opened the port is in CloudTrail alone, and there is none."),
	},
	{
		"Exfiltration:EC2/TransferDataToCloudAccount",
		[]string{management},
		(*tale).once,
		Expect{Verdicts: []string{"inconclusive"}, Because: "The engineer's own session shared the snapshot with an account that the configuration does not know: whose it is has to be asked."},
		caught("The snapshot is shared from a new network by a session that creates a key and stops the trail."),
		unseen(management, "Who shared the snapshot is in CloudTrail alone, and there is none."),
	},
	{
		"Persistence:IAM/AccountManipulation",
		[]string{management},
		(*tale).once,
		Expect{Verdicts: []string{"suspicious"}, AtLeast: "High", Because: "A new access key is a floor whoever makes it, until the engineer confirms that she did."},
		caught("The key is created from a new network, and the same session stops the trail."),
		unseen(management, "Who created the key is in CloudTrail alone, and there is none."),
	},
	{
		"Impact:S3/DataDestruction",
		[]string{management},
		(*tale).once,
		open("The engineer's own session set everything in the bucket to expire within a day: known who, but tomorrow it is gone, and only its owner knows whether it may go."),
		caught("Everything is set to expire within a day from a new network, by a session that creates a key and stops the trail."),
		unseen(management, "Who set the bucket's content to expire is in CloudTrail alone, and there is none."),
	},

	// Sequences.
	{
		"AttackSequence:IAM/CompromisedCredentials",
		[]string{management},
		(*tale).steps,
		Expect{Verdicts: []string{"suspicious"}, AtLeast: "High", Because: "Permissions and keys were reviewed in the engineer's own session, whose chain is whole, and nothing was widened or made; but two signals of a critical sequence stand in the log, which is a floor until she says what the review was for."},
		caught("The session's policy, key and stopped trail are all in the log, in the order of the signals."),
		unseen(management, "None of the signals can be checked against a log."),
	},
	{
		"AttackSequence:S3/CompromisedData",
		[]string{s3Data},
		(*tale).steps,
		open("The bucket was listed and three objects read in the engineer's own session, from the office, and the log confirms it: one signal of the two is no floor, but a critical sequence is not closed before somebody says what the work was."),
		caught("The policy is changed, twelve hundred objects are read, and the trail is stopped by the same session."),
		Expect{Verdicts: []string{"inconclusive", "suspicious"}, Gap: s3Data, Because: "The signals on objects cannot be checked: no trail records data events."},
	},
	{
		"AttackSequence:EKS/CompromisedCluster",
		[]string{eksAudit},
		(*tale).clusterSteps,
		open("The listing of secrets stands in the audit log by the engineer's credential, the command in the pod in the member finding, and the new program only GuardDuty saw: what a deployment looks like, but she has to say that it was one."),
		alarming("The binding to cluster-admin and the listing of secrets stand in the audit log, by the credential that the sequence names: two signals of it are confirmed."),
		unseen(eksAudit, "What was done in the cluster is in the audit log alone, and there is none."),
	},
	{
		"AttackSequence:EC2/CompromisedInstanceGroup",
		[]string{vpcFlow},
		(*tale).groupSteps,
		open("The transfer goes to our own office, from where the passwords were tried, and stands in the flow log; the scanner only GuardDuty saw: an exercise of our own looks like this, and only the owner of the instances can say that it was one."),
		alarming("Forty megabytes go to the address that the sequence names, and the pool's name is asked for: two signals are confirmed by their own logs."),
		unseen(vpcFlow, "What was sent, and where, is in flow logs alone, and there is none."),
	},
	{
		"AttackSequence:ECS/CompromisedCluster",
		[]string{vpcFlow},
		(*tale).groupSteps,
		open("A new program ran in a task and sent data to our own office, which the flow log confirms: a deployment looks like this, and only the owner of the service can say that it was one."),
		alarming("Forty megabytes go to the address that the sequence names, and the pool's name is asked for: two signals are confirmed by their own logs."),
		unseen(vpcFlow, "What was sent, and where, is in flow logs alone, and there is none."),
	},
}

// stopTrail and newKey are what attackers of many stories do next.
func (c *cast) stopTrail() call {
	return call{"cloudtrail.amazonaws.com", "StopLogging", object{"name": c.arn("cloudtrail", "trail/"+secondTrail)}, false, ""}
}

func newKey() call {
	return call{"iam.amazonaws.com", "CreateAccessKey", object{"userName": "backup-operator"}, false, ""}
}

// attacked is what an attacker does after the finding's own call.
func (t *tale) attacked() {
	if !t.hostile {
		return
	}
	k := t.call()
	if k.api != "CreateAccessKey" {
		t.by(t.after(7), newKey())
	}
	if k.api != "StopLogging" {
		t.by(t.after(12), t.stopTrail())
	}
}

// credential is a call that is usual for its user, or an attacker's.
func (t *tale) credential() {
	t.running()
	k := t.call()
	t.session(k)
	t.by(t.at, k)
	t.attacked()
}

// once is a call that nobody makes every day.
func (t *tale) once() {
	t.running()
	hostile := t.hostile
	t.hostile = true // no earlier days with the same call
	t.session(t.call())
	t.hostile = hostile
	t.by(t.at, t.call())
	t.attacked()
}

// stored is a record of objects every second hour: the data events run.
func (t *tale) stored() {
	t.hours(func(at time.Time, n int) {
		c := t.cast
		body := c.record(at, c.account, c.service("etl-nightly"), "192.0.2.20", "Boto3/1.34.100", call{"s3.amazonaws.com", "GetObject", object{"bucketName": c.bucket, "key": fmt.Sprintf("daily/%05d.parquet", n)}, true, ""})
		t.log(s3Data).add(at, dataEvent(body, list{object{"type": "AWS::S3::Object", "ARN": fmt.Sprintf("arn:aws:s3:::%s/daily/%05d.parquet", c.bucket, n)}, object{"accountId": c.account, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::" + c.bucket}}))
	})
}

// objects are n calls on different objects, three a second.
func (t *tale) objects(from time.Time, n int, api string, read bool) {
	for i := range n {
		t.by(from.Add(time.Duration(i/3)*time.Second), call{"s3.amazonaws.com", api, object{"bucketName": t.bucket, "key": fmt.Sprintf("exports/2025/09/customers-%04d.csv", i+1)}, read, ""})
	}
}

// bucketRead is a bucket listed or objects read: a few, or all.
func (t *tale) bucketRead() {
	t.stored()
	t.running()
	t.session(t.call())
	t.by(t.at, t.call())
	n := 2
	if t.hostile {
		n = 1200
	}
	t.objects(t.at.Add(2*time.Second), n, "GetObject", true)
	t.server(n)
	t.attacked()
}

// server is the bucket's access log of the same reads.
func (t *tale) server(n int) {
	for i := range n {
		who := fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", t.account, t.role, t.upn)
		t.accessed(t.at.Add(time.Duration(2+i/3)*time.Second), t.remote.ip, who, "REST.GET.OBJECT", fmt.Sprintf("exports/2025/09/customers-%04d.csv", i+1), 200, 52_000, t.agent())
	}
	if !t.hostile {
		for _, day := range t.earlier(14) {
			t.accessed(day, t.home.ip, fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", t.account, t.role, t.upn), "REST.GET.OBJECT", "exports/2025/09/customers-0001.csv", 200, 52_000, agent)
		}
	}
	t.hours(func(at time.Time, n int) {
		t.accessed(at, "192.0.2.20", fmt.Sprintf("arn:aws:sts::%s:assumed-role/etl-nightly/etl-nightly", t.account), "REST.GET.OBJECT", fmt.Sprintf("daily/%05d.parquet", n), 200, 1<<20, "Boto3/1.34.100")
	})
}

// bucketDelete is objects deleted: a few, or most.
func (t *tale) bucketDelete() {
	t.stored()
	t.running()
	t.session(t.call())
	t.by(t.at, t.call())
	n := 1
	if t.hostile {
		n = 400
	}
	for i := range n {
		t.by(t.at.Add(time.Duration(2+i/3)*time.Second), call{"s3.amazonaws.com", "DeleteObject", object{"bucketName": t.bucket, "key": fmt.Sprintf("exports/2025/09/customers-%04d.csv", i+2)}, false, ""})
	}
	t.attacked()
}

// roleElsewhere is the instance's role used from where the attacker is.
func (t *tale) roleElsewhere() {
	c := t.cast
	who := c.roleSession(c.instanceRole, c.instanceRoleID, c.instance, "ASIA"+c.upper(16), c.at.Add(-time.Hour))
	for i, k := range []call{{"sts.amazonaws.com", "GetCallerIdentity", nil, true, ""}, {"s3.amazonaws.com", "ListBuckets", nil, true, ""}, newKey()} {
		at := c.after(20 + 3*i)
		t.log(management).add(at, c.record(at, c.account, who, c.remote.ip, foreign, k))
	}
}

// machine is what runs around an instance: CloudTrail, flows and names.
func (t *tale) machine() {
	t.running()
	t.flowing()
	t.resolving()
}

// beacon is traffic to a listed server: rejected, or every five minutes for a day.
func (t *tale) beacon() {
	t.machine()
	f := t.conn()
	out := connection{from: t.private, to: t.remote.ip, fromPort: f.localPort, toPort: f.remotePort, protocol: 6, packets: 1, bytes: 60, action: "REJECT", flags: 2, egress: true}
	if !t.hostile {
		t.both(t.at, out, 0)
		return
	}
	out.action, out.packets, out.bytes, out.flags = "ACCEPT", 9, 1_480, 3
	for i := range 288 {
		t.both(t.after(5*(i-140)), out, 2_300)
	}
	t.roleElsewhere()
}

// guessing is passwords guessed at the instance.
func (t *tale) guessing() {
	t.machine()
	in := connection{from: t.remote.ip, to: t.private, toPort: t.conn().localPort, protocol: 6, packets: 1, bytes: 60, action: "REJECT", flags: 2}
	n := 40
	if t.hostile {
		n, in.action, in.packets, in.bytes, in.flags = 300, "ACCEPT", 14, 2_600, 3
	}
	for i := range n {
		in.fromPort = 40_000 + i
		t.both(t.at.Add(time.Duration(i)*3*time.Second), in, 2_900)
	}
	if t.hostile {
		in.fromPort, in.packets, in.bytes, in.minutes = 41_000, 9_200, 1_900_000, 40
		t.both(t.after(18), in, 12_000_000)
		t.roleElsewhere()
	}
}

// probed is somebody trying a port of the instance.
func (t *tale) probed() {
	t.machine()
	in := connection{from: t.remote.ip, to: t.private, fromPort: 55_555, toPort: 9200, protocol: 6, packets: 1, bytes: 44, action: "REJECT", flags: 2}
	if !t.hostile {
		for i := range 5 {
			t.both(t.after(i), in, 0)
		}
		return
	}
	in.action, in.packets, in.bytes, in.flags, in.minutes = "ACCEPT", 900, 64_000, 3, 10
	t.both(t.at, in, 80_000_000)
}

// volumeOut is much traffic to one address: every night, or once.
func (t *tale) volumeOut() {
	t.machine()
	out := connection{from: t.private, to: t.remote.ip, fromPort: 50_100, toPort: 443, protocol: 6, packets: 5_200_000, bytes: 7_340_032_000, action: "ACCEPT", flags: 3, egress: true, minutes: 10}
	if !t.hostile {
		for _, day := range t.earlier(14) {
			t.both(day, out, 18_350_080)
		}
	}
	t.both(t.at, out, 18_350_080)
}

// scan is ports of a neighbour tried.
func (t *tale) scan() {
	t.machine()
	n := 10
	if t.hostile {
		n = 1000
	}
	for i := range n {
		t.traffic(t.at.Add(time.Duration(i*50)*time.Millisecond), connection{from: t.private, to: t.lateral, fromPort: 60_000, toPort: 1 + i, protocol: 6, packets: 1, bytes: 44, action: "REJECT", flags: 2, egress: true})
	}
	if t.hostile {
		t.both(t.after(4), connection{from: t.private, to: t.lateral, fromPort: 60_001, toPort: 22, protocol: 6, packets: 3_000, bytes: 900_000, action: "ACCEPT", flags: 3, egress: true, minutes: 15}, 5_000_000)
		t.roleElsewhere()
	}
}

// asking is a listed name asked for: once, or again and again with traffic.
func (t *tale) asking() {
	t.machine()
	if !t.hostile {
		t.query(t.at, t.asked(), "A", "NXDOMAIN", "")
		return
	}
	for i := range 288 {
		at := t.after(5 * (i - 140))
		t.query(at, t.asked(), "A", "NOERROR", t.remote.ip)
		t.both(at.Add(time.Second), connection{from: t.private, to: t.remote.ip, fromPort: 50_000 + i, toPort: 443, protocol: 6, packets: 9, bytes: 1_480, action: "ACCEPT", flags: 3, egress: true}, 2_300)
	}
	t.roleElsewhere()
}

// late is minutes after the first moment: what was detected of our own people is over at once.
func (c *cast) late(n int) time.Time {
	if !c.hostile {
		return c.after(1)
	}
	return c.after(n)
}

// generated is odd names: a few, or hundreds of which one resolves.
func (t *tale) generated() {
	t.machine()
	n := 3
	if t.hostile {
		n = 500
	}
	for i := range n {
		t.query(t.at.Add(time.Duration(i)*2*time.Second), t.pick("bcdfghjklmnpqrstvwxz", 14)+".example.net", "A", "NXDOMAIN", "")
	}
	t.query(t.late(17), t.asked(), "A", t.choose("NOERROR", "NXDOMAIN"), t.choose(t.remote.ip, ""))
	if t.hostile {
		t.both(t.after(18), connection{from: t.private, to: t.remote.ip, fromPort: 50_222, toPort: 443, protocol: 6, packets: 400, bytes: 90_000, action: "ACCEPT", flags: 3, egress: true, minutes: 5}, 2_000_000)
		t.roleElsewhere()
	}
}

// tunnel is long names below one domain.
func (t *tale) tunnel() {
	t.machine()
	n, kind := 30, "A"
	if t.hostile {
		n, kind = 1200, "TXT"
	}
	for i := range n {
		t.query(t.at.Add(time.Duration(i)*time.Second), t.hex(60)+"."+t.domain, kind, "NOERROR", t.choose(t.hex(40), "192.0.2.99"))
	}
	t.query(t.at, t.asked(), kind, "NOERROR", t.choose(t.hex(40), "192.0.2.99"))
}

// kubernetes is a request to the cluster, and what the caller does next.
func (t *tale) kubernetes() {
	t.running()
	t.session(call{"eks.amazonaws.com", "DescribeCluster", object{"name": t.cluster}, true, ""})
	t.by(t.at.Add(-time.Minute), call{"eks.amazonaws.com", "DescribeCluster", object{"name": t.cluster}, true, ""})
	t.governed()
	r := t.request()
	reason := `RBAC: allowed by ClusterRoleBinding "platform" of ClusterRole "platform"`
	if r.user == anonymous {
		reason = `RBAC: allowed by ClusterRoleBinding "open" of ClusterRole "view" to User "system:anonymous"`
	}
	var sent object
	switch r.resource {
	case "deployments":
		sent = object{"kind": "Deployment", "metadata": object{"name": r.name}, "spec": object{"template": object{"spec": object{"containers": list{object{"name": r.name, "image": t.containerImage, "securityContext": object{"privileged": t.is("PrivilegedContainer")}}}}}}}
	case "clusterrolebindings":
		sent = object{"kind": "ClusterRoleBinding", "metadata": object{"name": r.name}, "roleRef": object{"kind": "ClusterRole", "name": "cluster-admin"}, "subjects": list{object{"kind": "User", "name": anonymous}}}
	}
	if r.user != anonymous && (t.hostile || sent == nil) { // what the engineer does on other days, from the office
		usual := r
		if t.hostile {
			usual.verb, usual.resource, usual.subresource, usual.namespace, usual.name, usual.status = "list", "pods", "", t.namespace, "", 200
		}
		for _, day := range t.earlier(14) {
			t.audited(day, usual, t.home.ip, kubectl, reason, nil)
		}
	}
	t.audited(t.at, r, t.remote.ip, t.kubectl(), reason, sent)
	if !t.hostile {
		return
	}
	for i, ns := range []string{"checkout", "kube-system", "default", "payments"} {
		next := r
		next.verb, next.resource, next.subresource, next.namespace, next.name, next.status = "list", "secrets", "", ns, "", 200
		if t.is("AnonymousAccessGranted") { // the opening is used by whoever finds it
			next.user, next.groups = anonymous, []string{"system:unauthenticated"}
		}
		t.audited(t.after(2+i), next, t.remote.ip, t.kubectl(), reason, nil)
	}
	if r.user != anonymous {
		bind := r
		bind.verb, bind.resource, bind.subresource, bind.namespace, bind.name, bind.status = "create", "clusterrolebindings", "", "", "support-access", 201
		t.audited(t.after(9), bind, t.remote.ip, t.kubectl(), reason, object{"kind": "ClusterRoleBinding", "metadata": object{"name": "support-access"}, "roleRef": object{"kind": "ClusterRole", "name": "cluster-admin"}})
	}
}

// ran is a program on an instance, and whom it spoke to.
func (t *tale) ran() {
	t.machine()
	if !t.hostile {
		return
	}
	out := connection{from: t.private, to: t.remote.ip, fromPort: 50_444, toPort: 443, protocol: 6, packets: 40, bytes: 9_000, action: "ACCEPT", flags: 3, egress: true, minutes: 5}
	if t.is("CryptoMiner") {
		out.toPort = 3333
		t.query(t.at, "pool."+t.domain, "A", "NOERROR", t.remote.ip)
	}
	for i := range 96 {
		t.both(t.after(15*i), out, 21_000)
	}
	if !t.is("CryptoMiner") {
		t.roleElsewhere()
	}
}

// connected is what the database's audit log has of the finding's attempts.
func (t *tale) connected() {
	t.running()
	t.serving()
	failed, ok := t.logins()
	if t.is("Discovery") && t.hostile {
		ok = 1
	}
	if ok > 0 && !t.hostile {
		for i, day := range t.earlier(14) {
			t.queried(day, t.dbUser, t.home.ip, 5000+i, "CONNECT", "", 0)
			t.queried(day.Add(time.Second), t.dbUser, t.home.ip, 5000+i, "QUERY", "'SELECT count(*) FROM orders'", 0)
		}
	}
	for i := range failed {
		t.queried(t.at.Add(time.Duration(i)*4*time.Second), t.dbUser, t.remote.ip, 7000+i, "FAILED_CONNECT", "", 1045)
	}
	for i := range ok {
		at := t.late(18 + i)
		t.queried(at, t.dbUser, t.remote.ip, 9000+i, "CONNECT", "", 0)
		if !t.hostile {
			t.queried(at.Add(time.Second), t.dbUser, t.remote.ip, 9000+i, "QUERY", "'SELECT count(*) FROM orders'", 0)
			continue
		}
		for j, table := range []string{"customers", "cards", "orders", "addresses"} {
			t.queried(at.Add(time.Duration(1+j)*time.Second), t.dbUser, t.remote.ip, 9000+i, "QUERY", "'SELECT * FROM "+table+"'", 0)
		}
	}
	if t.hostile { // how the Internet came to reach it
		at := t.at.Add(-50 * time.Minute)
		t.log(management).add(at, t.record(at, t.account, t.identityOfPerson(), t.remote.ip, foreign, call{"rds.amazonaws.com", "ModifyDBInstance", object{"dBInstanceIdentifier": t.db, "publiclyAccessible": true}, false, ""}))
	}
}

// identityOfPerson is the engineer's session, whatever the finding is about.
func (c *cast) identityOfPerson() object {
	o := c.roleSession(c.role, c.roleID, c.upn, c.key, c.sessionAt)
	o["sessionContext"].(object)["sessionIssuer"].(object)["arn"] = c.ssoRole()
	o["onBehalfOf"] = c.onBehalfOf()
	return o
}

// changed is who changed a function before it spoke to the outside.
func (t *tale) changed() {
	t.running()
	t.flowing()
	c := t.cast
	update := call{"lambda.amazonaws.com", "UpdateFunctionCode20150331v2", object{"functionName": c.function, "publish": true}, false, ""}
	deployed := c.at.Add(-22 * time.Hour)
	t.log(management).add(deployed, c.record(deployed, c.account, c.service("deploy-pipeline"), "192.0.2.30", "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5", update))
	t.hours(func(at time.Time, n int) { t.invoked(at) })
	t.invoked(c.at)
	f := c.conn()
	out := connection{from: c.private, to: c.remote.ip, fromPort: f.localPort, toPort: f.remotePort, protocol: 6, packets: 9, bytes: 1_480, action: "ACCEPT", flags: 3, egress: true}
	t.both(c.at, out, 2_300)
	if !c.hostile {
		return
	}
	t.begin(c.sessionAt, c.key)
	at := c.at.Add(-9 * time.Minute)
	t.log(management).add(at, c.record(at, c.account, c.identityOfPerson(), c.remote.ip, foreign, update))
	t.both(c.after(5), out, 2_300)
}

// invoked is one invocation of the function by its caller: a data event.
func (t *tale) invoked(at time.Time) {
	c := t.cast
	body := c.record(at, c.account, c.service("order-gateway"), "192.0.2.60", "aws-sdk-java/2.25", call{"lambda.amazonaws.com", "Invoke", object{"functionName": c.arn("lambda", "function:"+c.function), "invocationType": "Event"}, false, ""})
	t.log(lambdaData).add(at, dataEvent(body, list{object{"accountId": c.account, "type": "AWS::Lambda::Function", "ARN": c.arn("lambda", "function:"+c.function)}}))
}

// file is malware found on a volume or in a snapshot of it.
func (t *tale) file() {
	t.machine()
	c := t.cast
	attached := c.at.Add(-20 * 24 * time.Hour)
	attach := call{"ec2.amazonaws.com", "AttachVolume", object{"volumeId": c.volume, "instanceId": c.instance, "device": "/dev/xvdf"}, false, ""}
	t.log(management).add(attached, c.record(attached, c.account, c.service("deploy-pipeline"), "192.0.2.30", "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5", attach))
	snap := call{"ec2.amazonaws.com", "CreateSnapshot", object{"volumeId": c.volume, "description": "daily"}, false, ""}
	at := c.at.Add(-5 * time.Hour)
	made := c.record(at, c.account, c.service("backup-daily"), "192.0.2.31", "backup.amazonaws.com", snap)
	made["responseElements"] = object{"snapshotId": c.snapshot, "volumeId": c.volume, "status": "pending", "startTime": at.UnixMilli(), "ownerId": c.account}
	t.log(management).add(at, made)
	if c.hostile {
		t.roleElsewhere()
	}
}

// upload is a bad object put into a bucket, and who has read it.
func (t *tale) upload() {
	t.stored()
	t.running()
	c := t.cast
	key := "uploads/2025/09/invoice.zip"
	resources := func() list {
		return list{object{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::" + c.bucket + "/" + key}, object{"accountId": c.account, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::" + c.bucket}}
	}
	put := call{"s3.amazonaws.com", "PutObject", object{"bucketName": c.bucket, "key": key}, false, ""}
	at := c.at.Add(-2 * time.Minute)
	if !c.hostile {
		t.log(s3Data).add(at, dataEvent(c.record(at, c.account, c.service("upload-portal"), "192.0.2.40", "aws-sdk-java/2.25", put), resources()))
		return
	}
	t.begin(c.sessionAt, c.key)
	t.log(s3Data).add(at, dataEvent(c.record(at, c.account, c.identityOfPerson(), c.remote.ip, foreign, put), resources()))
	for i, role := range []string{"invoice-worker", "archive-worker", "report-worker"} {
		read := c.after(3 + i)
		t.log(s3Data).add(read, dataEvent(c.record(read, c.account, c.service(role), fmt.Sprintf("192.0.2.%d", 41+i), "aws-sdk-java/2.25", call{"s3.amazonaws.com", "GetObject", object{"bucketName": c.bucket, "key": key}, true, ""}), resources()))
	}
}

// models is a model invoked: as every day, or far more.
func (t *tale) models() {
	c := t.cast
	t.running()
	t.hours(func(at time.Time, n int) {
		body := c.record(at, c.account, c.service("chat-backend"), "192.0.2.50", "Boto3/1.34.100", call{"bedrock.amazonaws.com", "InvokeModel", object{"modelId": c.model}, true, ""})
		body["additionalEventData"] = object{"inputTokens": 700, "outputTokens": 300}
		t.log(bedrock).add(at, dataEvent(body, list{object{"accountId": c.account, "type": "AWS::Bedrock::Model", "ARN": "arn:aws:bedrock:" + c.region + "::foundation-model/" + c.model}}))
	})
	k := c.call()
	t.session(k)
	n := 3
	if c.hostile {
		n = 400
	}
	for i := range n {
		t.by(c.at.Add(time.Duration(i)*2*time.Second), k)
	}
	if c.hostile {
		t.by(c.after(5), call{"bedrock.amazonaws.com", "DeleteModelInvocationLoggingConfiguration", nil, false, ""})
	}
	t.attacked()
}

// steps are the signals of a sequence of a credential or a bucket, as the logs have them.
func (t *tale) steps() {
	t.stored()
	t.running()
	c := t.cast
	t.session(call{"iam.amazonaws.com", "ListUsers", nil, true, ""})
	for _, m := range c.members() { // the calls that the member findings are about
		t.by(m.cast.at, m.cast.call())
	}
	switch iam := func(api string, params object, read bool) call {
		return call{"iam.amazonaws.com", api, params, read, ""}
	}; {
	case c.is("S3/") && !c.hostile:
		t.objects(c.after(9), 3, "GetObject", true)
	case c.is("S3/"):
		t.by(c.after(5), call{"s3.amazonaws.com", "PutBucketPolicy", object{"bucketName": c.bucket, "bucketPolicy": object{"Version": "2012-10-17", "Statement": list{object{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + c.bucket + "/*"}}}}, false, ""})
		t.objects(c.after(9), 1200, "GetObject", true)
		t.objects(c.after(17), 200, "DeleteObject", false)
		t.by(c.after(20), c.stopTrail())
	case !c.hostile:
		t.by(c.after(4), iam("GetAccountAuthorizationDetails", object{"filter": list{"User", "Role"}}, true))
		t.by(c.after(6), iam("ListAccessKeys", object{"userName": "backup-operator"}, true))
	default:
		t.by(c.after(6), iam("AttachUserPolicy", object{"userName": "backup-operator", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, false))
		t.by(c.after(8), newKey())
		t.by(c.after(12), c.stopTrail())
	}
}

// clusterSteps are the signals of a cluster's sequence in its audit log.
func (t *tale) clusterSteps() {
	c := t.cast
	t.running()
	t.session(call{"eks.amazonaws.com", "DescribeCluster", object{"name": c.cluster}, true, ""})
	t.by(c.at, call{"eks.amazonaws.com", "DescribeCluster", object{"name": c.cluster}, true, ""})
	t.governed()
	const reason = `RBAC: allowed by ClusterRoleBinding "platform" of ClusterRole "platform"`
	r := request{"list", "pods", "", c.namespace, "", 200, "platform-engineer:" + c.upn, []string{"system:authenticated", "platform"}}
	t.audited(c.at, r, c.remote.ip, c.kubectl(), reason, nil)
	r.verb, r.resource, r.subresource, r.namespace, r.name, r.status = "create", "pods", "exec", "kube-system", "kube-proxy-"+c.podID[:5], 101
	t.audited(c.at.Add(20*time.Second), r, c.remote.ip, c.kubectl(), reason, nil)
	r.subresource, r.namespace, r.name = "", "", ""
	if c.hostile {
		r.resource, r.name, r.status = "clusterrolebindings", "support-access", 201
		t.audited(c.at.Add(4*time.Minute+20*time.Second), r, c.remote.ip, c.kubectl(), reason, object{"kind": "ClusterRoleBinding", "metadata": object{"name": "support-access"}, "roleRef": object{"kind": "ClusterRole", "name": "cluster-admin"}})
	}
	r.verb, r.resource, r.name, r.status = "list", "secrets", "", 200
	t.audited(c.at.Add(6*time.Minute+20*time.Second), r, c.remote.ip, c.kubectl(), reason, nil)
}

// groupSteps are the signals of a group of instances, or of the tasks of a cluster, in flow log and query log.
func (t *tale) groupSteps() {
	c := t.cast
	t.machine()
	for _, s := range c.signals() {
		at := c.at.Add(s.offset)
		switch {
		case strings.HasSuffix(s.name, "/SSHBruteForce"):
			in := connection{from: c.remote.ip, to: c.private, toPort: 22, protocol: 6, packets: 14, bytes: 2_600, action: "ACCEPT", flags: 3}
			for i := range 60 {
				in.fromPort = 40_000 + i
				t.both(at.Add(time.Duration(i)*3*time.Second), in, 2_900)
			}
		case s.kind == "FLOW_LOGS":
			t.traffic(at, connection{from: c.private, to: c.remote.ip, fromPort: 51_000, toPort: 443, protocol: 6, packets: 30_000, bytes: 40_000_000, action: "ACCEPT", flags: 3, egress: true})
		case s.kind == "DNS_LOGS":
			t.query(at.Add(5*time.Second), miningPool, "A", "NOERROR", "203.0.113.77")
		}
	}
	if c.hostile && c.info.Type.Resource() == "EC2" { // the shell's owner takes the instance's credentials with him
		t.roleElsewhere()
	}
}
