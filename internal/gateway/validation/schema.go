package validation

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// checker collects the problems of one value.
type checker struct {
	problems []Problem
}

// maxProblems is how many problems of a value are reported.
const maxProblems = 100

func (c *checker) report(loc []any, kind, format string, args ...any) {
	if len(c.problems) == maxProblems {
		return
	}
	c.problems = append(c.problems, Problem{Loc: slices.Clone(loc), Msg: fmt.Sprintf(format, args...), Type: kind})
}

// check reports what is wrong with a value and gives the value as it is to be used.
func (c *checker) check(schema *huma.Schema, value any, loc []any) any {
	if value == nil && schema.Nullable {
		return nil
	}
	switch schema.Type {
	case huma.TypeObject:
		return c.object(schema, value, loc)
	case huma.TypeArray:
		return c.array(schema, value, loc)
	case huma.TypeString:
		c.text(schema, value, loc)
	case huma.TypeInteger:
		return c.integer(schema, value, loc)
	case huma.TypeNumber:
		c.number(schema, value, loc)
	case huma.TypeBoolean:
		if _, ok := value.(bool); !ok {
			c.report(loc, "bool_type", "Input should be a valid boolean")
		}
	}
	return value
}

func (c *checker) object(schema *huma.Schema, value any, loc []any) any {
	object, ok := value.(map[string]any)
	if !ok {
		c.report(loc, "model_attributes_type", "Input should be a valid dictionary or object to extract fields from")
		return value
	}
	checked := make(map[string]any, len(object))
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		field, there := object[name]
		if there {
			checked[name] = c.check(schema.Properties[name], field, append(loc, name))
		} else if slices.Contains(schema.Required, name) {
			c.report(append(loc, name), "missing", "Field required")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if _, known := schema.Properties[name]; !known {
			c.report(append(loc, name), "extra_forbidden", "Extra inputs are not permitted")
		}
	}
	return checked
}

func (c *checker) array(schema *huma.Schema, value any, loc []any) any {
	items, ok := value.([]any)
	if !ok {
		c.report(loc, "list_type", "Input should be a valid list")
		return value
	}
	if schema.MinItems != nil && len(items) < *schema.MinItems {
		c.report(loc, "too_short", "List should have at least %s after validation, not %d", counted(*schema.MinItems, "item"), len(items))
	}
	if schema.MaxItems != nil && len(items) > *schema.MaxItems {
		c.report(loc, "too_long", "List should have at most %s after validation, not %d", counted(*schema.MaxItems, "item"), len(items))
		return value
	}
	checked := make([]any, len(items))
	for i, item := range items {
		checked[i] = c.check(schema.Items, item, append(loc, i))
	}
	return checked
}

// counted is a number of things, with the plural where pydantic has it.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func (c *checker) text(schema *huma.Schema, value any, loc []any) {
	text, ok := value.(string)
	if len(schema.Enum) > 0 {
		if !ok || !slices.Contains(schema.Enum, any(text)) {
			c.report(loc, "enum", "Input should be %s", oneOf(schema.Enum))
		}
		return
	}
	if !ok {
		c.report(loc, "string_type", "Input should be a valid string")
		return
	}
	length := utf8.RuneCountInString(text)
	switch {
	case schema.MinLength != nil && length < *schema.MinLength:
		c.report(loc, "string_too_short", "String should have at least %s", counted(*schema.MinLength, "character"))
	case schema.MaxLength != nil && length > *schema.MaxLength:
		c.report(loc, "string_too_long", "String should have at most %s", counted(*schema.MaxLength, "character"))
	case schema.Pattern != "" && !matches(schema.Pattern, text):
		c.report(loc, "string_pattern_mismatch", "String should match pattern '%s'", schema.Pattern)
	}
}

func (c *checker) integer(schema *huma.Schema, value any, loc []any) any {
	number, ok := value.(json.Number)
	if !ok {
		c.report(loc, "int_type", "Input should be a valid integer")
		return value
	}
	float, err := number.Float64()
	if err != nil || math.Abs(float) > 1<<53 {
		c.report(loc, "int_parsing_size", "Unable to parse input number as an integer, exceeded maximum size")
		return value
	}
	if float != math.Trunc(float) {
		c.report(loc, "int_from_float", "Input should be a valid integer, got a number with a fractional part")
		return value
	}
	c.bounds(schema, float, loc)
	return json.Number(fmt.Sprintf("%d", int64(float)))
}

func (c *checker) number(schema *huma.Schema, value any, loc []any) {
	number, ok := value.(json.Number)
	if !ok {
		c.report(loc, "float_type", "Input should be a valid number")
		return
	}
	float, err := number.Float64()
	if err != nil {
		c.report(loc, "finite_number", "Input should be a finite number")
		return
	}
	c.bounds(schema, float, loc)
}

func (c *checker) bounds(schema *huma.Schema, number float64, loc []any) {
	if schema.Minimum != nil && number < *schema.Minimum {
		c.report(loc, "greater_than_equal", "Input should be greater than or equal to %s", plain(*schema.Minimum))
	}
	if schema.ExclusiveMinimum != nil && number <= *schema.ExclusiveMinimum {
		c.report(loc, "greater_than", "Input should be greater than %s", plain(*schema.ExclusiveMinimum))
	}
	if schema.Maximum != nil && number > *schema.Maximum {
		c.report(loc, "less_than_equal", "Input should be less than or equal to %s", plain(*schema.Maximum))
	}
}

// plain writes large whole numbers without an exponent.
func plain(number float64) string {
	if number == math.Trunc(number) {
		return big.NewFloat(number).Text('f', 0)
	}
	return fmt.Sprint(number)
}

// oneOf lists words as pydantic does: 'a', 'b' or 'c'.
func oneOf(words []any) string {
	var quoted []string
	for _, word := range words {
		if word != nil {
			quoted = append(quoted, fmt.Sprintf("'%v'", word))
		}
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}

func matches(pattern, text string) bool {
	expression, err := regexp.Compile(pattern)
	return err == nil && expression.MatchString(text)
}
