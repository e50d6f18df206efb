package coverage

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"uratori/query"
)

// Selectors say how much of each kind of record a trail or event data store records.
type Selectors map[string]Extent

// An Extent is how much of a kind is recorded.
type Extent uint8

// The extents.
const (
	Nothing Extent = iota
	Partly         // some resources, or only reads or only writes
	Wholly
)

// Records is how much of a kind is recorded.
func (s Selectors) Records(kind string) Extent { return s[kind] }

// add keeps the larger extent. Two parts may or may not be the whole: they stay a part.
func (s Selectors) add(kind string, e Extent) { s[kind] = max(s[kind], e) }

// resourceKind is the kind of record by the type of its resource (CloudTrail API Reference,
// "DataResource" and "AdvancedFieldSelector"), and the most that a selector of that type records of
// it: questions about Amazon Bedrock are about calls of models, and agents, guardrails and knowledge
// bases are types of their own.
func resourceKind(resource string) (kind string, most Extent) {
	switch {
	case resource == "AWS::S3::Object":
		return query.KindS3Data, Wholly
	case resource == "AWS::Lambda::Function":
		return query.KindLambdaData, Wholly
	case resource == "AWS::Bedrock::Model":
		return query.KindBedrockData, Wholly
	case strings.HasPrefix(resource, "AWS::Bedrock::"):
		return query.KindBedrockData, Partly
	}
	return "", Nothing
}

// everyResource is an ARN that stands for all of its type (CloudTrail API Reference, "DataResource").
var everyResource = regexp.MustCompile(`^arn:aws[a-z-]*:(s3|s3:::|lambda)$`)

// A basic selector and an advanced one, in the spelling of the API and of the record of the call
// that set it.
type (
	basicSelector struct {
		ReadWriteType           string
		IncludeManagementEvents *bool
		DataResources           []struct {
			Type   string
			Values []string
		}
		ExcludeManagementEventSources []string
	}
	advancedSelector struct {
		FieldSelectors []struct {
			Field                                                               string
			Equals, StartsWith, EndsWith, NotEquals, NotStartsWith, NotEndsWith []string
		}
	}
)

// ReadSelectors reads the selectors of a trail, which has one kind of them. The document is a
// response of GetEventSelectors or GetEventDataStore, or the parameters of PutEventSelectors, whose
// members begin in lower case.
func ReadSelectors(document []byte) (Selectors, error) {
	var d struct {
		EventSelectors         []basicSelector
		AdvancedEventSelectors []advancedSelector
	}
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, fmt.Errorf("event selectors: %w", err)
	}
	out := Selectors{}
	for _, b := range d.EventSelectors {
		all := b.ReadWriteType == "" || b.ReadWriteType == "All"
		if b.IncludeManagementEvents == nil || *b.IncludeManagementEvents {
			out.add(query.KindManagement, extentOf(all && len(b.ExcludeManagementEventSources) == 0, Wholly))
		}
		for _, r := range b.DataResources {
			if kind, most := resourceKind(r.Type); kind != "" {
				out.add(kind, extentOf(all && slices.ContainsFunc(r.Values, everyResource.MatchString), most))
			}
		}
	}
	for _, a := range d.AdvancedEventSelectors {
		category, resource, limited := "", "", false
		for _, f := range a.FieldSelectors {
			plain := len(f.StartsWith)+len(f.EndsWith)+len(f.NotEquals)+len(f.NotStartsWith)+len(f.NotEndsWith) == 0 && len(f.Equals) == 1
			switch {
			case f.Field == "eventCategory" && plain:
				category = f.Equals[0]
			case f.Field == "resources.type" && plain:
				resource = f.Equals[0]
			default:
				limited = true
			}
		}
		switch category {
		case "Management":
			out.add(query.KindManagement, extentOf(!limited, Wholly))
		case "Data":
			if kind, most := resourceKind(resource); kind != "" {
				out.add(kind, extentOf(!limited, most))
			}
		}
	}
	return out, nil
}

func extentOf(all bool, most Extent) Extent {
	if all {
		return most
	}
	return Partly
}
