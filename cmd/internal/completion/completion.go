// Package completion is the command "completion" of our programs: it writes a
// script that completes commands and flags in a shell, made from the program's
// own command line.
package completion

import (
	"embed"
	"io"
	"strings"
	"text/template"

	"github.com/alecthomas/kong"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Command is the command "completion". The program binds the io.Writer that it
// writes to.
type Command struct {
	Shell string `arg:"" enum:"bash,zsh,powershell,fish" help:"bash, zsh, powershell or fish."`
}

// Help returns the examples.
func (*Command) Help() string {
	return `Examples (PROGRAM is the name of this program):

    source <(PROGRAM completion bash)

    PROGRAM completion zsh > "${fpath[1]}/_PROGRAM"

    PROGRAM completion fish > ~/.config/fish/completions/PROGRAM.fish

    PROGRAM completion powershell | Out-String | Invoke-Expression`
}

// shells holds a template for each shell.
//
//go:embed shells
var shells embed.FS

// Run writes the script, made from the command line's own grammar.
func (c *Command) Run(out io.Writer, command *kong.Context) error {
	file, program := c.Shell+".tmpl", command.Model.Name
	functions := template.FuncMap{"quote": quote, "join": strings.Join,
		"name":  func() string { return program },
		"ident": func() string { return strings.ReplaceAll(program, "-", "_") }, // for names of functions
	}
	t, err := template.New(file).Funcs(functions).ParseFS(shells, "shells/"+file)
	if err != nil {
		return err
	}
	return t.Execute(out, places("", command.Model.Node))
}

// place is one point of the command line: the program, a command, or a command
// of a command.
type place struct {
	Path   string   // such as /record/get; empty for the program
	Words  []offer  // commands that may follow
	Flags  []offer  // flags that may follow, with their dashes
	Values []string // values of its argument
}

// offer is one word that may be completed.
type offer struct {
	Name   string
	Help   string
	Values []string // values that may follow it
	File   bool     // a file or folder follows it
	Alone  bool     // nothing follows it
}

// places lists a node and all nodes below it.
func places(path string, node *kong.Node) []place {
	here := place{Path: path}
	for _, f := range node.Flags {
		if !f.Hidden {
			here.Flags = append(here.Flags, offer{Name: "--" + f.Name, Help: firstSentence(f.Help), Values: values(f.Value),
				File: f.Tag.Get("complete") == "file" || f.Tag.Get("complete") == "dir", Alone: f.IsBool()})
		}
	}
	for _, arg := range node.Positional {
		here.Values = append(here.Values, values(arg)...)
	}
	list := []place{here}
	for _, child := range node.Children {
		list[0].Words = append(list[0].Words, offer{Name: child.Name, Help: firstSentence(child.Help), Alone: true})
		list = append(list, places(path+"/"+child.Name, child)...)
	}
	return list
}

// values returns the values that a flag or argument may have, if they are few.
func values(v *kong.Value) []string {
	if v.Tag.Get("complete") == "section" {
		names := strings.ToLower(strings.ReplaceAll(care.AllSections.String(), "_", "-"))
		return strings.Split(names, ",")
	}
	if v.Enum == "" {
		return nil
	}
	return v.EnumSlice()
}

func firstSentence(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(first, ".")
}

// quote puts a text into single quotes as sh, zsh, fish and PowerShell all
// read them: the help texts hold no quote that would have to be escaped.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "’") + "'" }
