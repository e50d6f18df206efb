// Package kinds makes a finding of every type that GuardDuty has, and for many of them the logs
// that an expert would read beside it.
//
// It promises that the same type, seed and story give the same bytes; that a finding has the
// members that the service model of GuardDuty gives it, and no others; and that what ought to
// come of a story was written down here, by reasoning. It never imports what investigates.
package kinds

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"uratori/finding"
)

// object and list are JSON on its way to a file.
type (
	object = map[string]any
	list   = []any
)

// A Form is how a finding is written down.
type Form uint8

// The forms that GuardDuty delivers a finding in.
const (
	Export      Form = iota // lowerCamel, as the S3 export writes it
	EventBridge             // the same inside an event
	GetFindings             // UpperCamel inside {"Findings": [...]}, as the SDKs print the API's answer
)

// Options say which of the findings of a type is meant. The zero value is the finding that an
// attacker caused, by seed 1.
type Options struct {
	Seed   uint64 // other names, addresses and, where a type has several, another kind of resource; 0 is 1
	Benign bool   // what was detected was our own people's doing
	Sample bool   // marked as CreateSampleFindings marks what it makes
}

// A Document is one finding that can be written in every form.
type Document struct {
	Type     finding.Type
	Family   string
	Resource string // resource.resourceType
	Name     string // the resource in one word
	body     object // the lowerCamel form
	cast     *cast
}

// Generate makes a finding of a type of the catalogue; any other type is an error.
func Generate(t finding.Type, o Options) (Document, error) {
	info, ok := finding.Lookup(t)
	if !ok {
		return Document{}, fmt.Errorf("no finding type %.100q is in the catalogue", t)
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	c := newCast(info, o)
	d := Document{Type: t, Family: info.Family, cast: c}
	d.body = c.finding()
	d.Resource, _ = d.body["resource"].(object)["resourceType"].(string)
	d.Name = c.named
	return d, nil
}

// JSON is the document in a form, indented.
func (d Document) JSON(form Form) ([]byte, error) {
	var v any
	switch form {
	case Export:
		v = d.export()
	case EventBridge:
		c := d.cast
		v = object{
			"version": "0", "id": c.uuidOf(c.id), "detail-type": "GuardDuty Finding", "source": "aws.guardduty", "account": c.account,
			"time": iso(c.created), "region": c.region, "resources": list{}, "detail": d.export(),
		}
	case GetFindings:
		v = object{"Findings": list{d.api()}}
	default:
		return nil, fmt.Errorf("write finding: no form %d", form)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write finding: %w", err)
	}
	return b.Bytes(), nil
}

// export spreads additionalInfo out and repeats it as text, as EventBridge and the S3 export do.
func (d Document) export() object {
	out := shallow(d.body)
	service := shallow(d.body["service"].(object))
	info := shallow(service["additionalInfo"].(object))
	info["value"], info["type"] = text(service["additionalInfo"]), "default"
	service["additionalInfo"], out["service"] = info, service
	return out
}

// api has the names of the SDKs, and of additionalInfo the text alone.
func (d Document) api() object {
	out := shallow(d.body)
	service := shallow(d.body["service"].(object))
	service["additionalInfo"] = object{"value": text(service["additionalInfo"]), "type": "default"}
	out["service"] = service
	return upper(out, "").(object)
}

// renamed are the members that the SDKs call otherwise than the wire, beyond the case of the first
// letter, by the member they stand in (service model of GuardDuty, locationName).
var renamed = map[string]map[string]string{
	"productCodes":            {"productCodeId": "Code", "productCodeType": "ProductType"},
	"taskDetails":             {"createdAt": "TaskCreatedAt"},
	"account":                 {"account": "Name"},
	"kubernetesWorkload":      {"type": "KubernetesResourcesTypes"},
	"location":                {"lat": "Latitude", "lon": "Longitude"},
	"kubernetesApiCallAction": {"sourceIPs": "SourceIps"},
}

// upper renames members as the SDKs do. under is the member that v stands in; the names inside
// a map are data and stay.
func upper(v any, under string) any {
	switch v := v.(type) {
	case object:
		out := make(object, len(v))
		for k, e := range v {
			switch {
			case under == "affectedResources":
				out[k] = e
			case under == "profiles" || under == "behavior":
				out[k] = upper(e, "profile")
			case under == "profile":
				out[k] = upper(e, "")
			case renamed[under][k] != "":
				out[renamed[under][k]] = upper(e, k)
			default:
				out[strings.ToUpper(k[:1])+k[1:]] = upper(e, k)
			}
		}
		return out
	case list:
		out := make(list, len(v))
		for i, e := range v {
			out[i] = upper(e, under)
		}
		return out
	default:
		return v
	}
}

func shallow(o object) object {
	out := make(object, len(o))
	for k, v := range o {
		out[k] = v
	}
	return out
}

// text is a value as compact JSON.
func text(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("encode: %v", err)) // objects, lists, strings, numbers and truth values always encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Types are all types of the catalogue, in its order.
func Types() []finding.Type {
	var out []finding.Type
	for _, i := range finding.Catalogue() {
		out = append(out, i.Type)
	}
	return out
}
