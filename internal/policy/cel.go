package policy

import (
	"fmt"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/ext"
)

// CostLimit is the most that one condition may cost when it runs, and the most that it may be
// estimated at when a pack is checked.
const CostLimit = 100_000

// Limits of one condition's text.
const (
	maxCondition = 2000 // characters
	maxNodes     = 400
	maxNesting   = 40
)

// variable is one name that a condition may read: a member of Facts, by its JSON name.
type variable struct {
	typ *cel.Type
	get func(*Facts) any
}

// variables are all that a condition can name. A test holds them equal to the members of Facts.
var variables = map[string]variable{
	"type":          {cel.StringType, func(f *Facts) any { return f.Type }},
	"category":      {cel.StringType, func(f *Facts) any { return f.Category }},
	"model":         {cel.StringType, func(f *Facts) any { return f.Model }},
	"environment":   {cel.StringType, func(f *Facts) any { return f.Environment }},
	"summary":       {cel.StringType, func(f *Facts) any { return f.Summary }},
	"justification": {cel.StringType, func(f *Facts) any { return f.Justification }},
	"components":    {listOf("Component"), func(f *Facts) any { return f.Components }},
	"targets":       {listOf("Target"), func(f *Facts) any { return f.Targets }},
	"bindings":      {listOf("Binding"), func(f *Facts) any { return f.Bindings }},
	"effects":       {listOf("Effect"), func(f *Facts) any { return f.Effects }},
	"plan":          {cel.ObjectType("policy.Plan"), func(f *Facts) any { return f.Plan }},
	"deploy":        {cel.ObjectType("policy.Deploy"), func(f *Facts) any { return f.Deploy }},
	"rollback":      {cel.ObjectType("policy.Rollback"), func(f *Facts) any { return f.Rollback }},
	"data_flags":    {cel.ListType(cel.StringType), func(f *Facts) any { return f.DataFlags }},
	"roles":         {cel.ListType(cel.StringType), func(f *Facts) any { return f.Roles }},
	"checks":        {listOf("Check"), func(f *Facts) any { return f.Checks }},
	"history":       {cel.ObjectType("policy.History"), func(f *Facts) any { return f.History }},
	"fields":        {cel.ListType(cel.StringType), func(f *Facts) any { return f.Fields }},
	"risk_floor":    {cel.StringType, func(f *Facts) any { return string(f.RiskFloor) }},
}

func listOf(name string) *cel.Type { return cel.ListType(cel.ObjectType("policy." + name)) }

// activation hands Facts to a condition.
type activation struct{ f *Facts }

// ResolveName gives the fact of that name.
func (a activation) ResolveName(name string) (any, bool) {
	v, ok := variables[name]
	if !ok {
		return nil, false
	}
	return v.get(a.f), true
}

// Parent is nil: a condition sees facts and nothing else.
func (activation) Parent() cel.Activation { return nil }

// newEnv makes the one environment of a pack: typed facts and CEL's standard functions. There is no
// clock, no randomness and no function of our own in it. Regular expressions are RE2.
func newEnv() (*cel.Env, error) {
	opts := []cel.EnvOption{
		ext.NativeTypes(ext.ParseStructTag("json"), reflect.TypeFor[Facts]()),
		cel.ParserRecursionLimit(maxNesting),
		cel.ParserExpressionSizeLimit(maxCondition),
		cel.ExpressionNodeLimit(maxNodes),
	}
	for name, v := range variables {
		opts = append(opts, cel.Variable(name, v.typ))
	}
	return cel.NewEnv(opts...)
}

// condition is one compiled expression.
type condition struct {
	text     string
	prog     cel.Program
	reads    *pathTree
	literals []string // string constants in it, for sampling
	maxCost  uint64   // static estimate
}

// compile checks and compiles a condition. The error is one line in words.
func compile(env *cel.Env, text string) (*condition, error) {
	if strings.TrimSpace(text) == "" {
		return nil, fmt.Errorf("is empty; write \"true\" for always")
	}
	if len(text) > maxCondition {
		return nil, fmt.Errorf("is longer than %d characters", maxCondition)
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, fmt.Errorf("does not compile: %s", issueText(issues))
	}
	if out := checked.OutputType(); !out.IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("gives a %s, not a yes or no", out)
	}
	c := &condition{text: text}
	tree := checked.NativeRep()
	if err := c.inspect(tree.Expr()); err != nil {
		return nil, err
	}
	est, err := env.EstimateCost(checked, sizes{})
	if err != nil {
		return nil, fmt.Errorf("has no cost bound: %w", err)
	}
	c.maxCost = est.Max
	c.prog, err = env.Program(checked, cel.CostLimit(CostLimit), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, fmt.Errorf("does not compile: %s", firstLine(err.Error()))
	}
	return c, nil
}

func issueText(issues *cel.Issues) string {
	if errs := issues.Errors(); len(errs) > 0 {
		return fmt.Sprintf("%s (column %d)", clip(errs[0].Message, 200), errs[0].Location.Column()+1)
	}
	return "unknown error"
}

// inspect refuses what is sound CEL but misleads here, and collects literals and the facts read.
func (c *condition) inspect(e celast.Expr) error {
	var bad error
	seen := map[string]bool{}
	celast.PostOrderVisit(e, celast.NewExprVisitor(func(e celast.Expr) {
		switch e.Kind() {
		case celast.StructKind:
			bad = fmt.Errorf("makes a %s; a condition only reads facts", e.AsStruct().TypeName())
		case celast.SelectKind:
			if e.AsSelect().IsTestOnly() {
				bad = fmt.Errorf("uses has(); every fact is there, compare %q with a value", e.AsSelect().FieldName())
			}
		case celast.LiteralKind:
			if s, ok := e.AsLiteral().Value().(string); ok && !seen[s] {
				seen[s] = true
				c.literals = append(c.literals, s)
			}
		}
	}))
	if bad != nil {
		return bad
	}
	c.reads = readsOf(e)
	return nil
}

// eval runs the condition. Anything but a clean yes or no is an error.
func (c *condition) eval(f *Facts) (bool, error) {
	out, _, err := c.prog.Eval(activation{f})
	if err != nil {
		return false, fmt.Errorf("evaluate %q: %s", clip(c.text, 80), firstLine(err.Error()))
	}
	yes, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("evaluate %q: gave no yes or no", clip(c.text, 80))
	}
	return yes, nil
}

// sizes bounds lists and texts for the static cost estimate.
type sizes struct{}

// EstimateSize gives the bound of a fact: FactLimits for lists, a few hundred characters for texts.
func (sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	path := strings.Join(n.Path(), ".")
	if most, ok := FactLimits[path]; ok {
		return &cost.SizeEstimate{Min: 0, Max: uint64(most)}
	}
	switch path {
	case "":
		return nil
	case "justification":
		return &cost.SizeEstimate{Min: 0, Max: 20_000}
	}
	return &cost.SizeEstimate{Min: 0, Max: 300}
}

// EstimateCallCost leaves every function to CEL's own estimate.
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}
