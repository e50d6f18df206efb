package finding

import (
	"fmt"
	"slices"
)

// canonical is doc as the S3 export would write it: lowerCamel names, the members that
// change name as well as case renamed, no nulls, and additionalInfo.value read.
// Everything else is kept as it came. Doing it twice changes nothing.
func canonical(doc map[string]any) (map[string]any, error) {
	out, err := renameMembers(doc, nil)
	if err != nil {
		return nil, err
	}
	if service, ok := out["service"].(map[string]any); ok {
		if info, ok := service["additionalInfo"].(map[string]any); ok {
			service["additionalInfo"] = openAdditionalInfo(info)
		}
	}
	return out, nil
}

// renamed are the members whose name, not only case, differs between the SDKs (which
// print UpperCamel) and the wire, by the object they are in. Computed over the shapes below
// Finding in the service model of botocore; TestNamesFollowTheModel computes it again.
var renamed = map[string]map[string]string{
	"productCodes":            {"code": "productCodeId", "productType": "productCodeType"},
	"taskDetails":             {"taskCreatedAt": "createdAt"},
	"account":                 {"name": "account"},
	"kubernetesWorkload":      {"kubernetesResourcesTypes": "type"},
	"location":                {"latitude": "lat", "longitude": "lon"},
	"kubernetesApiCallAction": {"sourceIps": "sourceIPs"},
}

// verbatim tells whether the names in the object at path are data, such as a resource's
// type, and not names of ours.
func verbatim(path []string) bool {
	at := func(p ...string) bool { return slices.Equal(path, p) }
	under := func(most int, p ...string) bool {
		return len(path) >= len(p) && len(path) <= len(p)+most && slices.Equal(path[:len(p)], p)
	}
	return at("service", "action", "awsApiCallAction", "affectedResources") ||
		under(maxDepth, "service", "additionalInfo") || // see openAdditionalInfo
		under(maxDepth, receivedKey) ||
		under(1, "service", "detection", "anomaly", "profiles") || // maps of maps of lists of objects
		under(1, "service", "detection", "anomaly", "unusual", "behavior")
}

// renameMembers copies an object under its canonical names.
func renameMembers(in map[string]any, path []string) (map[string]any, error) {
	out := make(map[string]any, len(in))
	keep := verbatim(path)
	for key, v := range in {
		if v == nil {
			continue
		}
		name := key
		if !keep {
			name = lowerFirst(key)
			if len(path) > 0 {
				if r, ok := renamed[path[len(path)-1]][name]; ok {
					name = r
				}
			}
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("member %s is given twice under two spellings; keep one", place(append(slices.Clone(path), name)))
		}
		v, err := renameValue(v, append(slices.Clone(path), name))
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}

// renameValue goes into lists without adding to the path: an element is named for its list.
func renameValue(v any, path []string) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		return renameMembers(v, path)
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			if e == nil {
				continue
			}
			e, err := renameValue(e, path)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		return out, nil
	default:
		return v, nil
	}
}

// lowerFirst lowers the first letter if it is one of A to Z, so that no two names become one.
func lowerFirst(s string) string {
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return s
	}
	return string(s[0]+'a'-'A') + s[1:]
}

// openAdditionalInfo makes the object the same from every channel. The API sends only
// {Type, Value} with the real object as JSON text in Value; EventBridge sends the members
// spread out and the text too; converters were seen to send them spread out in UpperCamel.
// Here the text is read in place, and its members are spread out where the channel did not.
func openAdditionalInfo(info map[string]any) map[string]any {
	info, _ = lowerAll(info).(map[string]any)
	if text, ok := info["value"].(string); ok {
		if v, err := decode([]byte(text)); err == nil {
			if object, ok := v.(map[string]any); ok && depth(object) < maxDepth-3 {
				info["value"] = lowerAll(withoutNulls(object))
			}
		}
	}
	value, ok := info["value"].(map[string]any)
	if !ok {
		return info
	}
	for key, v := range value {
		switch key {
		case "type", "value", "Type", "Value": // the wrapper's own names
		default:
			if _, have := info[key]; !have {
				info[key] = v
			}
		}
	}
	return info
}

// lowerAll is a copy of v with lowerCamel names. Nothing promises which names there are in
// additionalInfo, so unlike elsewhere one that comes in both spellings is kept in both.
func lowerAll(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			name := lowerFirst(k)
			if _, both := v[name]; both {
				name = k
			}
			out[name] = lowerAll(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = lowerAll(e)
		}
		return out
	default:
		return v
	}
}

// withoutNulls is a copy of v without null members and elements.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			if e != nil {
				out[k] = withoutNulls(e)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			if e != nil {
				out = append(out, withoutNulls(e))
			}
		}
		return out
	default:
		return v
	}
}
