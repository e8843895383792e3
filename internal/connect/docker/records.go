package docker

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// engine is the answer of /info, as far as it is read.
type engine struct {
	ID              string
	Name            string
	ServerVersion   string
	OperatingSystem string
	OSType          string
	Architecture    string
	KernelVersion   string
	Driver          string
	CgroupVersion   string
	DefaultRuntime  string
	LiveRestore     bool `json:"LiveRestoreEnabled"`
	SecurityOptions []string
	Labels          []string
}

func (e engine) record() inventory.Record {
	a := connect.Attrs{}
	a.Text("version", e.ServerVersion)
	a.Text("os", e.OperatingSystem)
	a.Text("architecture", e.Architecture)
	a.Text("kernel", e.KernelVersion)
	a.Text("storage_driver", e.Driver)
	a.Text("cgroup_version", e.CgroupVersion)
	a.Text("default_runtime", e.DefaultRuntime)
	a.Flag("live_restore", e.LiveRestore)
	a.Set("security_options", e.SecurityOptions)
	tags := map[string]string{}
	for _, l := range e.Labels {
		k, v, _ := strings.Cut(l, "=")
		tags[k] = v
	}
	a.Tags("labels", tags)
	// The host is told by its name alone, which proves nothing: the engine is a service on it.
	return inventory.Record{Type: "docker_engine", Class: inventory.Service, Native: e.ID, Name: name(e.Name, e.ID), Attrs: a, Labels: connect.Labels(tags),
		IDs: []inventory.Identifier{{Kind: "engine-id", Value: e.ID}}}
}

// name is what people call a thing, or its id.
func name(called, id string) string {
	if called = strings.TrimPrefix(called, "/"); called != "" {
		return called
	}
	return id
}

// image is one item of /images/json.
type image struct {
	ID          string `json:"Id"`
	RepoTags    []string
	RepoDigests []string
	Created     int64
	Size        int64
	Labels      map[string]string
}

func (s *source) images(ctx context.Context, emit func(inventory.Record) error) error {
	var list []image
	if err := s.get(ctx, "images", "/images/json", url.Values{"all": {"0"}}, &list); err != nil {
		return err
	}
	if err := few(len(list)); err != nil {
		return err
	}
	for _, v := range list {
		real := func(text string) bool { return text != "" && !strings.Contains(text, "<none>") }
		tags := slices.DeleteFunc(v.RepoTags, func(t string) bool { return !real(t) })
		digests := slices.DeleteFunc(v.RepoDigests, func(t string) bool { return !real(t) })
		a := connect.Attrs{}
		a.Set("tags", tags)
		a.Set("repo_digests", digests)
		a.Number("size", v.Size)
		a.Number("created", v.Created)
		a.Tags("labels", v.Labels)
		called := v.ID
		if len(tags) > 0 {
			called = slices.Min(tags)
		}
		r := inventory.Record{Type: "docker_image", Class: inventory.Image, Native: v.ID, Name: called, Attrs: a, Labels: connect.Labels(v.Labels)}
		if strings.HasPrefix(v.ID, "sha256:") {
			r.IDs = append(r.IDs, inventory.Identifier{Kind: "image-digest", Value: v.ID})
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

// few refuses a list that is longer than is read.
func few(n int) error {
	if n > maxThings {
		return fault.New(fault.TooLarge, "document_too_large", "The engine holds more than %d things of one type.", maxThings).
			FixedBy("whoever looks after the engine").Then("prune what is not used")
	}
	return nil
}

// container is the answer of /containers/ID/json, as far as it is read.
type container struct {
	ID           string `json:"Id"`
	Name         string
	Created      string
	Image        string
	RestartCount int64
	State        struct{ Status, StartedAt string }
	Config       struct {
		User, Image, Hostname string
		Env, Cmd, Entrypoint  []string
		Labels                map[string]string
	}
	HostConfig struct {
		Privileged, ReadonlyRootfs                bool
		NetworkMode, PidMode, IpcMode, UsernsMode string
		CapAdd, CapDrop, SecurityOpt, Binds       []string
		Memory, NanoCpus                          int64
		RestartPolicy                             struct{ Name string }
		PortBindings                              map[string][]struct {
			HostIP   string `json:"HostIp"`
			HostPort string
		}
	}
	Mounts          []struct{ Type, Name, Source, Destination string }
	NetworkSettings struct {
		Networks map[string]struct{ NetworkID, IPAddress, MacAddress string }
	}
}

func (s *source) containers(ctx context.Context, emit func(inventory.Record) error) error {
	var list []struct {
		ID string `json:"Id"`
	}
	if err := s.get(ctx, "containers", "/containers/json", url.Values{"all": {"1"}}, &list); err != nil {
		return err
	}
	if err := few(len(list)); err != nil {
		return err
	}
	for _, item := range list {
		var c container
		err := s.get(ctx, "a container", "/containers/"+url.PathEscape(item.ID)+"/json", nil, &c)
		if gone := (*status)(nil); errors.As(err, &gone) && gone.code == http.StatusNotFound {
			continue // it ended between the two questions
		}
		if err != nil {
			return err
		}
		if err := emit(s.container(c)); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) container(c container) inventory.Record {
	a := connect.Attrs{}
	s.containerConfig(c, a)
	h := c.HostConfig
	a.Flag("privileged", h.Privileged)
	a.Flag("read_only", h.ReadonlyRootfs)
	a.Text("network_mode", h.NetworkMode)
	a.Text("pid_mode", h.PidMode)
	a.Text("ipc_mode", h.IpcMode)
	a.Text("userns_mode", h.UsernsMode)
	a.Text("restart_policy", h.RestartPolicy.Name)
	a.Set("cap_add", h.CapAdd)
	a.Set("cap_drop", h.CapDrop)
	a.Set("security_opt", h.SecurityOpt)
	a.Set("binds", h.Binds)
	a.Number("memory", h.Memory)
	a.Number("nano_cpus", h.NanoCpus)
	var ports []string
	for port, on := range h.PortBindings {
		for _, b := range on {
			ports = append(ports, strings.TrimPrefix(b.HostIP+":", ":")+b.HostPort+"->"+port)
		}
	}
	a.Set("ports", ports)
	r := inventory.Record{Type: "docker_container", Class: inventory.Container, Native: c.ID, Name: name(c.Name, c.ID), Attrs: a, Labels: connect.Labels(c.Config.Labels),
		IDs:      []inventory.Identifier{{Kind: "engine-id", Value: s.engine + "/" + c.ID}},
		Edges:    []inventory.Link{{Verb: "USES", To: inventory.ByRecord("docker_engine", s.engine)}},
		Volatile: map[string]inventory.Value{"started": inventory.Text(c.State.StartedAt), "restarts": inventory.Number(c.RestartCount)}}
	if c.Image != "" {
		r.Edges = append(r.Edges, inventory.Link{Verb: "BUILT_FROM", To: inventory.Identifier{Kind: "image-digest", Value: c.Image}})
	}
	for _, m := range c.Mounts {
		if m.Type == "volume" && m.Name != "" {
			r.Edges = append(r.Edges, inventory.Link{Verb: "USES", To: inventory.ByRecord("docker_volume", m.Name)})
		}
	}
	for _, n := range c.NetworkSettings.Networks {
		if n.NetworkID != "" {
			r.Edges = append(r.Edges, inventory.Link{Verb: "CONNECTS", To: inventory.ByRecord("docker_network", n.NetworkID)})
		}
	}
	slices.SortFunc(r.Edges, func(a, b inventory.Link) int { return strings.Compare(a.Verb+a.To.Value, b.Verb+b.To.Value) })
	r.Edges = slices.Compact(r.Edges)
	return r
}

// containerConfig sets what the container is made of. What stands in its environment, and in its command, is where passwords are.
func (s *source) containerConfig(c container, a connect.Attrs) {
	a.Text("created", c.Created)
	a.Text("state", c.State.Status)
	a.Text("image", c.Config.Image)
	a.Text("image_id", c.Image)
	a.Text("user", c.Config.User)
	a.Tags("labels", c.Config.Labels)
	for _, e := range c.Config.Env {
		k, v, _ := strings.Cut(e, "=")
		a["env."+k] = s.hide(k, v)
	}
	if line := strings.Join(slices.Concat(c.Config.Entrypoint, c.Config.Cmd), "\x00"); line != "" {
		a["command"] = s.hide("", line)
	}
}

// hide masks what may be a secret. What is one by its name or its form is one wherever it stands; a path or a version is not.
func (s *source) hide(name, text string) inventory.Value {
	if plan.SecretName(name) || len(plan.Learnt(text)) > 0 {
		return s.in.Mask(text)
	}
	return s.in.Digest(text)
}

func (s *source) networks(ctx context.Context, emit func(inventory.Record) error) error {
	var list []struct {
		Name, Driver, Scope              string
		ID                               string `json:"Id"`
		Internal, Attachable, EnableIPv6 bool
		Labels, Options                  map[string]string
		IPAM                             struct {
			Config []struct{ Subnet, Gateway string }
		}
	}
	if err := s.get(ctx, "networks", "/networks", nil, &list); err != nil {
		return err
	}
	if err := few(len(list)); err != nil {
		return err
	}
	for _, v := range list {
		a := connect.Attrs{}
		a.Text("driver", v.Driver)
		a.Text("scope", v.Scope)
		a.Flag("internal", v.Internal)
		a.Flag("ipv6", v.EnableIPv6)
		a.Tags("labels", v.Labels)
		a.Tags("options", v.Options)
		var nets []string
		for _, c := range v.IPAM.Config {
			nets = append(nets, c.Subnet)
		}
		a.Set("subnets", nets)
		if err := emit(inventory.Record{Type: "docker_network", Class: inventory.Network, Native: v.ID, Name: name(v.Name, v.ID), Attrs: a, Labels: connect.Labels(v.Labels),
			IDs: []inventory.Identifier{{Kind: "engine-id", Value: s.engine + "/network/" + v.ID}}}); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) volumes(ctx context.Context, emit func(inventory.Record) error) error {
	var answer struct {
		Volumes []struct {
			Name, Driver, Scope, CreatedAt string
			Labels                         map[string]string
			Options                        map[string]string
		}
	}
	if err := s.get(ctx, "volumes", "/volumes", nil, &answer); err != nil {
		return err
	}
	if err := few(len(answer.Volumes)); err != nil {
		return err
	}
	for _, v := range answer.Volumes {
		a := connect.Attrs{}
		a.Text("driver", v.Driver)
		a.Text("created", v.CreatedAt)
		a.Tags("labels", v.Labels)
		for k, option := range v.Options { // of a network share, with its password
			a["options."+k] = s.hide(k, option)
		}
		if err := emit(inventory.Record{Type: "docker_volume", Class: inventory.Disk, Native: v.Name, Name: v.Name, Attrs: a, Labels: connect.Labels(v.Labels),
			IDs: []inventory.Identifier{{Kind: "engine-id", Value: s.engine + "/volume/" + v.Name}}}); err != nil {
			return err
		}
	}
	return nil
}
