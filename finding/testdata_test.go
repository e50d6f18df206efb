package finding

// Findings with invented values, one in each shape. The first four are the same finding.

const lowerFinding = `{
  "schemaVersion": "2.0", "accountId": "111122223333", "region": "ap-northeast-1", "partition": "aws",
  "id": "0123456789abcdef0123456789abcdef",
  "arn": "arn:aws:guardduty:ap-northeast-1:111122223333:detector/fedcba9876543210fedcba9876543210/finding/0123456789abcdef0123456789abcdef",
  "type": "Exfiltration:S3/AnomalousBehavior", "severity": 8, "title": "Unusual reads <of> a bucket", "description": "機密 & more",
  "createdAt": "2025-09-09T02:31:07.218Z", "updatedAt": "2025-09-09T02:31:07.218Z",
  "associatedAttackSequenceArn": "arn:aws:guardduty:ap-northeast-1:111122223333:detector/fedcba9876543210fedcba9876543210/finding/ffffffffffffffffffffffffffffffff",
  "resource": {
    "resourceType": "S3Bucket",
    "accessKeyDetails": {"accessKeyId": "ASIAEXAMPLEEXAMPLE00", "principalId": "AROAEXAMPLEEXAMPLE000:hanako@example.co.jp", "userName": "DataAnalyst", "userType": "AssumedRole"},
    "s3BucketDetails": [{"arn": "arn:aws:s3:::example-ledger", "name": "example-ledger", "type": "Destination", "createdAt": 1636625755.218, "publicAccess": {"effectivePermission": "NOT_PUBLIC"}, "tags": [{"key": "Class", "value": "secret"}]}],
    "instanceDetails": {"instanceId": "i-0aaaaaaaaaaaaaaaa", "productCodes": [{"productCodeId": "example", "productCodeType": "marketplace"}]}
  },
  "service": {
    "serviceName": "guardduty", "detectorId": "fedcba9876543210fedcba9876543210", "featureName": "S3DataEvents",
    "archived": false, "count": 3, "resourceRole": "TARGET",
    "eventFirstSeen": "2025-09-09T02:14:00.000Z", "eventLastSeen": "2025-09-09T02:22:41.000Z",
    "action": {
      "actionType": "AWS_API_CALL",
      "awsApiCallAction": {
        "api": "GetObject", "serviceName": "s3.amazonaws.com", "callerType": "Remote IP",
        "affectedResources": {"AWS::S3::Bucket": "example-ledger"},
        "remoteAccountDetails": {"accountId": "444455556666", "affiliated": false},
        "remoteIpDetails": {"ipAddressV4": "198.51.100.23", "country": {"countryName": "Japan", "countryCode": "JP"}, "city": {"cityName": "Osaka"}, "geoLocation": {"lat": 34.69, "lon": 135.50}, "organization": {"asn": "64500", "asnOrg": "EXAMPLE-NET", "isp": "Example ISP", "org": "Example KK"}}
      }
    },
    "additionalInfo": {
      "anomalies": {"anomalousAPIs": "s3.amazonaws.com:[GetObject:success , ListObjects:AccessDenied]"},
      "profiledBehavior": {"rareProfiledASNsUserIdentityProfiling": ""},
      "unusualBehavior": {"unusualASNsUserIdentityProfiling": "asnNumber: 64500 asnOrg: EXAMPLE-NET"},
      "userAgent": {"fullUserAgent": "aws-cli/2.15.30", "userAgentCategory": "aws-cli"},
      "type": "default",
      "value": {
        "anomalies": {"anomalousAPIs": "s3.amazonaws.com:[GetObject:success , ListObjects:AccessDenied]"},
        "profiledBehavior": {"rareProfiledASNsUserIdentityProfiling": ""},
        "unusualBehavior": {"unusualASNsUserIdentityProfiling": "asnNumber: 64500 asnOrg: EXAMPLE-NET"},
        "userAgent": {"fullUserAgent": "aws-cli/2.15.30", "userAgentCategory": "aws-cli"}
      }
    },
    "evidence": null
  }
}`

const upperFinding = `{
  "SchemaVersion": "2.0", "AccountId": "111122223333", "Region": "ap-northeast-1", "Partition": "aws",
  "Id": "0123456789abcdef0123456789abcdef",
  "Arn": "arn:aws:guardduty:ap-northeast-1:111122223333:detector/fedcba9876543210fedcba9876543210/finding/0123456789abcdef0123456789abcdef",
  "Type": "Exfiltration:S3/AnomalousBehavior", "Severity": 8, "Title": "Unusual reads <of> a bucket", "Description": "機密 & more",
  "CreatedAt": "2025-09-09T02:31:07.218Z", "UpdatedAt": "2025-09-09T02:31:07.218Z",
  "AssociatedAttackSequenceArn": "arn:aws:guardduty:ap-northeast-1:111122223333:detector/fedcba9876543210fedcba9876543210/finding/ffffffffffffffffffffffffffffffff",
  "Resource": {
    "ResourceType": "S3Bucket",
    "AccessKeyDetails": {"AccessKeyId": "ASIAEXAMPLEEXAMPLE00", "PrincipalId": "AROAEXAMPLEEXAMPLE000:hanako@example.co.jp", "UserName": "DataAnalyst", "UserType": "AssumedRole"},
    "S3BucketDetails": [{"Arn": "arn:aws:s3:::example-ledger", "Name": "example-ledger", "Type": "Destination", "CreatedAt": 1636625755.218, "PublicAccess": {"EffectivePermission": "NOT_PUBLIC"}, "Tags": [{"Key": "Class", "Value": "secret"}]}],
    "InstanceDetails": {"InstanceId": "i-0aaaaaaaaaaaaaaaa", "ProductCodes": [{"Code": "example", "ProductType": "marketplace"}]}
  },
  "Service": {
    "ServiceName": "guardduty", "DetectorId": "fedcba9876543210fedcba9876543210", "FeatureName": "S3DataEvents",
    "Archived": false, "Count": 3, "ResourceRole": "TARGET",
    "EventFirstSeen": "2025-09-09T02:14:00.000Z", "EventLastSeen": "2025-09-09T02:22:41.000Z",
    "Action": {
      "ActionType": "AWS_API_CALL",
      "AwsApiCallAction": {
        "Api": "GetObject", "ServiceName": "s3.amazonaws.com", "CallerType": "Remote IP",
        "AffectedResources": {"AWS::S3::Bucket": "example-ledger"},
        "RemoteAccountDetails": {"AccountId": "444455556666", "Affiliated": false},
        "RemoteIpDetails": {"IpAddressV4": "198.51.100.23", "Country": {"CountryName": "Japan", "CountryCode": "JP"}, "City": {"CityName": "Osaka"}, "GeoLocation": {"Lat": 34.69, "Lon": 135.50}, "Organization": {"Asn": "64500", "AsnOrg": "EXAMPLE-NET", "Isp": "Example ISP", "Org": "Example KK"}}
      }
    },
    "AdditionalInfo": {
      "Type": "default",
      "Value": "{\"anomalies\":{\"anomalousAPIs\":\"s3.amazonaws.com:[GetObject:success , ListObjects:AccessDenied]\"},\"profiledBehavior\":{\"rareProfiledASNsUserIdentityProfiling\":\"\"},\"unusualBehavior\":{\"unusualASNsUserIdentityProfiling\":\"asnNumber: 64500 asnOrg: EXAMPLE-NET\"},\"userAgent\":{\"fullUserAgent\":\"aws-cli/2.15.30\",\"userAgentCategory\":\"aws-cli\"}}"
    }
  }
}`

// event puts a finding into the envelope in which a member's event reaches the administrator.
func event(detail string) string {
	return `{"version": "0", "id": "11111111-2222-3333-4444-555555555555", "detail-type": "GuardDuty Finding", "source": "aws.guardduty",
  "account": "999988887777", "time": "2025-09-09T02:35:00Z", "region": "ap-northeast-1", "resources": [], "detail": ` + detail + `}`
}

const asffFinding = `{
  "SchemaVersion": "2018-10-08", "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/guardduty", "ProductName": "GuardDuty", "Region": "us-east-1",
  "Id": "arn:aws:guardduty:ap-northeast-1:111122223333:detector/fedcba9876543210fedcba9876543210/finding/0123456789abcdef0123456789abcdef",
  "GeneratorId": "arn:aws:guardduty:ap-northeast-1:111122223333:detector/fedcba9876543210fedcba9876543210",
  "AwsAccountId": "111122223333", "Types": ["TTPs/Exfiltration:S3-AnomalousBehavior"],
  "FirstObservedAt": "2025-09-09T02:14:00.000Z", "LastObservedAt": "2025-09-09T02:22:41.000Z",
  "CreatedAt": "2025-09-09T02:31:07.218Z", "UpdatedAt": "2025-09-09T02:31:07.218Z",
  "Severity": {"Product": 8, "Label": "HIGH", "Normalized": 70}, "Title": "Unusual reads <of> a bucket", "Description": "機密 & more",
  "ProductFields": {
    "aws/guardduty/service/action/actionType": "AWS_API_CALL",
    "aws/guardduty/service/action/awsApiCallAction/api": "GetObject",
    "aws/guardduty/service/action/awsApiCallAction/serviceName": "s3.amazonaws.com",
    "aws/guardduty/service/action/awsApiCallAction/callerType": "Remote IP",
    "aws/guardduty/service/action/awsApiCallAction/affectedResources": "",
    "aws/guardduty/service/action/awsApiCallAction/affectedResources/AWS::S3::Bucket": "example-ledger",
    "aws/guardduty/service/action/awsApiCallAction/remoteAccountDetails/affiliated": "false",
    "aws/guardduty/service/action/awsApiCallAction/remoteAccountDetails/accountId": "444455556666",
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/ipAddressV4": "198.51.100.23",
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/country/countryName": "Japan",
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/country/countryCode": "JP",
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/city/cityName": "Osaka",
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/geoLocation/lat": "34.69",
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/geoLocation/lon": "135.50",
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/organization/asn": "64500",
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/organization/asnOrg": "EXAMPLE-NET",
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/organization/isp": "Example ISP",
    "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/organization/org": "Example KK",
    "aws/guardduty/service/additionalInfo/anomalies/anomalousAPIs": "s3.amazonaws.com:[GetObject:success , ListObjects:AccessDenied]",
    "aws/guardduty/service/additionalInfo/profiledBehavior/rareProfiledASNsUserIdentityProfiling": "",
    "aws/guardduty/service/additionalInfo/unusualBehavior/unusualASNsUserIdentityProfiling": "asnNumber: 64500 asnOrg: EXAMPLE-NET",
    "aws/guardduty/service/additionalInfo/userAgent/fullUserAgent": "aws-cli/2.15.30",
    "aws/guardduty/service/archived": "false",
    "aws/guardduty/service/count": "3",
    "aws/guardduty/service/detectorId": "fedcba9876543210fedcba9876543210",
    "aws/guardduty/service/eventFirstSeen": "2025-09-09T02:14:00.000Z",
    "aws/guardduty/service/eventLastSeen": "2025-09-09T02:22:41.000Z",
    "aws/guardduty/service/featureName": "S3DataEvents",
    "aws/guardduty/service/resourceRole": "TARGET",
    "aws/securityhub/ProductName": "GuardDuty"
  },
  "Resources": [
    {"Type": "AwsIamAccessKey", "Id": "AWS::IAM::AccessKey:ASIAEXAMPLEEXAMPLE00", "Partition": "aws", "Region": "ap-northeast-1",
     "Details": {"AwsIamAccessKey": {"PrincipalId": "AROAEXAMPLEEXAMPLE000:hanako@example.co.jp", "PrincipalType": "AssumedRole", "PrincipalName": "DataAnalyst"}}},
    {"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::example-ledger", "Partition": "aws", "Region": "ap-northeast-1", "Tags": {"Class": "secret"}}
  ],
  "RecordState": "ACTIVE", "Workflow": {"Status": "NEW"}
}`

// ocsfFinding is as Security Hub's translation to OCSF 1.1.0 would have it.
const ocsfFinding = `{
  "class_uid": 2004, "class_name": "Detection Finding", "category_uid": 2, "activity_id": 1, "type_uid": 200401, "severity_id": 4, "severity": "High", "status": "New",
  "cloud": {"provider": "AWS", "account": {"uid": "111122223333"}, "region": "ap-northeast-1"},
  "metadata": {"version": "1.1.0", "product": {"name": "GuardDuty", "vendor_name": "Amazon", "uid": "arn:aws:securityhub:ap-northeast-1::product/aws/guardduty"}},
  "time": 1757385161000,
  "finding_info": {
    "uid": "arn:aws:guardduty:ap-northeast-1:111122223333:detector/fedcba9876543210fedcba9876543210/finding/0123456789abcdef0123456789abcdef",
    "title": "Unusual reads <of> a bucket", "desc": "機密 & more", "types": ["TTPs/Exfiltration:S3-AnomalousBehavior"],
    "created_time_dt": "2025-09-09T11:31:07.218+09:00", "modified_time": 1757385067218,
    "first_seen_time_dt": "2025-09-09T11:14:00.000+09:00", "last_seen_time_dt": "2025-09-09T11:22:41.000+09:00"
  },
  "evidences": [{
    "api": {"operation": "GetObject", "service": {"name": "s3.amazonaws.com"}},
    "src_endpoint": {"ip": "198.51.100.23", "location": {"city": "Osaka", "country": "Japan", "coordinates": [135.50, 34.69]}}
  }],
  "resources": [
    {"type": "AwsIamAccessKey", "uid": "AWS::IAM::AccessKey:ASIAEXAMPLEEXAMPLE00", "region": "ap-northeast-1",
     "data": "{\"AwsIamAccessKey\":{\"PrincipalId\":\"AROAEXAMPLEEXAMPLE000:hanako@example.co.jp\",\"PrincipalName\":\"DataAnalyst\",\"PrincipalType\":\"AssumedRole\"}}"},
    {"type": "AwsS3Bucket", "uid": "arn:aws:s3:::example-ledger", "region": "ap-northeast-1", "labels": ["Class:secret"]}
  ],
  "unmapped": {
    "ProductFields.aws/guardduty/service/action/actionType": "AWS_API_CALL",
    "ProductFields.aws/guardduty/service/action/awsApiCallAction/affectedResources/AWS::S3::Bucket": "example-ledger",
    "ProductFields.aws/guardduty/service/action/awsApiCallAction/callerType": "Remote IP",
    "ProductFields.aws/guardduty/service/action/awsApiCallAction/remoteAccountDetails/affiliated": "false",
    "ProductFields.aws/guardduty/service/action/awsApiCallAction/remoteAccountDetails/accountId": "444455556666",
    "ProductFields.aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/country/countryCode": "JP",
    "ProductFields.aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/organization/asn": "64500",
    "ProductFields.aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/organization/asnOrg": "EXAMPLE-NET",
    "ProductFields.aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/organization/isp": "Example ISP",
    "ProductFields.aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/organization/org": "Example KK",
    "ProductFields.aws/guardduty/service/additionalInfo/anomalies/anomalousAPIs": "s3.amazonaws.com:[GetObject:success , ListObjects:AccessDenied]",
    "ProductFields.aws/guardduty/service/additionalInfo/profiledBehavior/rareProfiledASNsUserIdentityProfiling": "",
    "ProductFields.aws/guardduty/service/additionalInfo/unusualBehavior/unusualASNsUserIdentityProfiling": "asnNumber: 64500 asnOrg: EXAMPLE-NET",
    "ProductFields.aws/guardduty/service/additionalInfo/userAgent/fullUserAgent": "aws-cli/2.15.30",
    "ProductFields.aws/guardduty/service/archived": "false",
    "ProductFields.aws/guardduty/service/count": "3",
    "ProductFields.aws/guardduty/service/featureName": "S3DataEvents",
    "ProductFields.aws/guardduty/service/resourceRole": "TARGET",
    "RecordState": "ACTIVE", "Sample": "false", "Severity.Normalized": "70", "Severity.Product": "8"
  }
}`

// sequenceFinding is an attack sequence on the wire, as the service model describes it.
const sequenceFinding = `{
  "schemaVersion": "2.0", "accountId": "111122223333", "region": "ap-northeast-1", "partition": "aws",
  "id": "ffffffffffffffffffffffffffffffff",
  "arn": "arn:aws:guardduty:ap-northeast-1:111122223333:detector/fedcba9876543210fedcba9876543210/finding/ffffffffffffffffffffffffffffffff",
  "type": "AttackSequence:S3/CompromisedData", "severity": 9.2, "title": "Potential data compromise", "description": "A sequence of actions",
  "createdAt": "2025-09-09T03:00:00.000Z", "updatedAt": "2025-09-09T03:10:00.000Z",
  "resource": {"resourceType": "AttackSequence"},
  "service": {
    "serviceName": "guardduty", "detectorId": "fedcba9876543210fedcba9876543210", "featureName": "Correlation", "archived": false, "count": 1, "resourceRole": "TARGET",
    "eventFirstSeen": "2025-09-09T02:00:00.000Z", "eventLastSeen": "2025-09-09T02:55:00.000Z",
    "action": {},
    "detection": {"sequence": {
      "uid": "arn:aws:guardduty:ap-northeast-1:111122223333:detector/fedcba9876543210fedcba9876543210/finding/ffffffffffffffffffffffffffffffff",
      "description": "From discovery to exfiltration",
      "actors": [{
        "id": "AROAEXAMPLEEXAMPLE000:hanako@example.co.jp",
        "user": {"name": "hanako@example.co.jp", "uid": "AROAEXAMPLEEXAMPLE000", "type": "AssumedRole", "credentialUid": "ASIAEXAMPLEEXAMPLE00", "account": {"uid": "111122223333", "account": "example-prod"}},
        "session": {"uid": "session-1", "mfaStatus": "DISABLED", "createdTime": 1757383200.5, "issuer": "arn:aws:iam::111122223333:role/DataAnalyst"}
      }],
      "endpoints": [
        {"id": "e-1", "ip": "198.51.100.23", "port": 443, "location": {"city": "Osaka", "country": "Japan", "lat": 34.69, "lon": 135.5}, "autonomousSystem": {"name": "EXAMPLE-NET", "number": 64500}, "connection": {"direction": "INBOUND"}},
        {"id": "e-2", "domain": "files.example.co.jp"}
      ],
      "signals": [
        {"uid": "s-1", "type": "CLOUD_TRAIL", "name": "CREDENTIALS:ListBuckets", "description": "ListBuckets was called", "severity": 4.5, "count": 2,
         "createdAt": 1757383260, "updatedAt": 1757383260, "firstSeenAt": 1757383261.218, "lastSeenAt": "2025-09-09T02:01:02Z", "actorIds": ["AROAEXAMPLEEXAMPLE000:hanako@example.co.jp"], "resourceUids": ["arn:aws:s3:::example-ledger"], "endpointIds": ["e-1"],
         "signalIndicators": [{"key": "HIGH_RISK_API", "values": ["s3:ListBuckets"], "title": "High risk API"}]},
        {"uid": "arn:aws:guardduty:ap-northeast-1:111122223333:detector/fedcba9876543210fedcba9876543210/finding/0123456789abcdef0123456789abcdef",
         "type": "FINDING", "name": "Exfiltration:S3/AnomalousBehavior", "severity": 8, "count": 3, "createdAt": 1757385067.218, "updatedAt": 1757385067.218, "firstSeenAt": 1757384040, "lastSeenAt": 1757384561, "actorIds": ["AROAEXAMPLEEXAMPLE000:hanako@example.co.jp"], "resourceUids": ["arn:aws:s3:::example-ledger"]}
      ],
      "sequenceIndicators": [{"key": "ATTACK_TACTIC", "title": "MITRE tactics", "values": ["Discovery", "Exfiltration"]}],
      "resources": [{"uid": "arn:aws:s3:::example-ledger", "name": "example-ledger", "accountId": "111122223333", "resourceType": "S3_BUCKET", "region": "ap-northeast-1", "service": "s3", "cloudPartition": "aws",
        "data": {"s3Bucket": {"ownerId": "o", "createdAt": 1636625755.218, "publicReadAccess": "BLOCKED"}}}],
      "additionalSequenceTypes": ["AttackSequence:IAM/CompromisedCredentials"]
    }}
  }
}`
