package nn

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// exact are the functions of package math that are rounded correctly, or not rounded at all. All others may differ in the last bit
// between machines, since the standard library has some of them in assembly.
var exact = []string{
	"Abs", "Ceil", "Copysign", "Float32bits", "Float32frombits", "Float64bits", "Float64frombits", "Floor", "Frexp", "Inf", "IsInf", "IsNaN",
	"Ldexp", "Max", "Min", "Mod", "NaN", "Round", "RoundToEven", "Sqrt", "Trunc",
	// Constants.
	"Ln2", "Log2E", "MaxInt", "MaxInt64", "Sqrt2",
}

func TestNothingDependsOnTheMachinesMathematics(t *testing.T) {
	files := 0
	for _, root := range []string{".", "../training"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if entry != nil && entry.IsDir() && entry.Name() == "internal" {
				return fs.SkipDir
			}
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files++
			tree, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			for _, name := range inexact(tree) {
				t.Errorf("%s uses math.%s, which may differ between machines; see Exp and Log of package nn", path, name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 40 {
		t.Errorf("only %d files were found", files)
	}
}

// inexact are the functions of math that a file names and that are not exact.
func inexact(tree *ast.File) (names []string) {
	ast.Inspect(tree, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if of, ok := selector.X.(*ast.Ident); ok && of.Name == "math" && !slices.Contains(exact, selector.Sel.Name) {
				names = append(names, selector.Sel.Name)
			}
		}
		return true
	})
	return names
}

func TestInexactFunctionsAreFound(t *testing.T) {
	tree, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nvar a, b = 1 + math.Exp(math.Sqrt(2)), math.Log", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := inexact(tree); !slices.Equal(got, []string{"Exp", "Log"}) {
		t.Errorf("found %v", got)
	}
}

// The bits are those of an amd64 processor; on every other they must be the same.
func TestExponentialAndLogarithmHaveTheSameBitsEverywhere(t *testing.T) {
	sum := uint64(0)
	for x := 0.0; x > -40; x -= 0.0371 {
		sum = sum*31 + math.Float64bits(Exp(x))
	}
	for x := 1e-9; x < 1e9; x *= 1.013 {
		sum = sum*31 + math.Float64bits(Log(x))
	}
	if want := uint64(0xac05fe070bbd31b7); sum != want {
		t.Errorf("the bits sum up to %#x, and should to %#x", sum, want)
	}
}
