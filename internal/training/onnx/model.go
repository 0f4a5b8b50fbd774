// Package onnx writes and reads the part of the ONNX format that the models of this project use: one graph of float32
// tensors in NCHW order with constant weights, at operator set 17. The field numbers are those of onnx.proto (ONNX 1.12).
package onnx

// OperatorSet is the version of the operators that [Marshal] declares.
const OperatorSet = 17

// irVersion is the version of the format that came with operator set 17.
const irVersion = 8

// Model is an ONNX file.
type Model struct {
	Producer        string
	ProducerVersion string
	// Metadata are pairs of key and value that runtimes pass over, in the order of writing.
	Metadata []Metadata
	Graph    Graph
}

// Metadata is one pair of a model's metadata.
type Metadata struct{ Key, Value string }

// Lookup returns the value of a key of the metadata.
func (m *Model) Lookup(key string) (string, bool) {
	for _, pair := range m.Metadata {
		if pair.Key == key {
			return pair.Value, true
		}
	}
	return "", false
}

// Graph is a list of operations in the order in which they can be run.
type Graph struct {
	Name         string
	Nodes        []Node
	Initializers []Tensor
	Inputs       []Value
	Outputs      []Value
}

// Node is one operation.
type Node struct {
	Name       string
	Op         string
	Inputs     []string
	Outputs    []string
	Attributes []Attribute
}

// Attribute is a constant of a node. The kind says which of the values counts.
type Attribute struct {
	Name   string
	Kind   AttributeKind
	Int    int64
	Float  float32
	String string
	Ints   []int64
}

// AttributeKind is the type of an attribute's value, numbered as in onnx.proto.
type AttributeKind int32

// The kinds of attributes that are read and written.
const (
	KindFloat  AttributeKind = 1
	KindInt    AttributeKind = 2
	KindString AttributeKind = 3
	KindInts   AttributeKind = 7
)

// Int makes an attribute that is a whole number.
func Int(name string, value int64) Attribute {
	return Attribute{Name: name, Kind: KindInt, Int: value}
}

// Ints makes an attribute that is a list of whole numbers.
func Ints(name string, values ...int64) Attribute {
	return Attribute{Name: name, Kind: KindInts, Ints: values}
}

// String makes an attribute that is a text.
func String(name, value string) Attribute {
	return Attribute{Name: name, Kind: KindString, String: value}
}

// Attribute returns an attribute of the node.
func (n *Node) Attribute(name string) (Attribute, bool) {
	for _, a := range n.Attributes {
		if a.Name == name {
			return a, true
		}
	}
	return Attribute{}, false
}

// Tensor is a constant: float32 numbers, or int64 ones where Ints is not nil.
type Tensor struct {
	Name   string
	Dims   []int64
	Floats []float32
	Ints   []int64
}

// Value describes an input or output of the graph: float32, of a shape whose free dimensions have a name.
type Value struct {
	Name string
	Dims []Dim
}

// Dim is one dimension: a size, or where it is free a name.
type Dim struct {
	Size int64
	Name string
}

// The types of a tensor's elements, numbered as in onnx.proto.
const (
	elementFloat = 1
	elementInt64 = 7
)
