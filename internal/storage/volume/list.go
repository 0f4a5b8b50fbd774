package volume

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"gocloud.dev/blob/driver"
)

// defaultPage is how many objects a page of a list has at most.
const defaultPage = 1000

// Query is what ListOptions.BeforeList may change, as *Query.
type Query struct {
	// StartAfter is the key behind which the list begins; a page token wins over it.
	StartAfter string
}

// lister gathers a page of the keys behind after.
type lister struct {
	ctx               context.Context
	root              *os.Root
	prefix, delimiter string
	after             string
	most              int
	page              driver.ListPage
}

// maxDepth is how deep folders are looked into. Keys of Swath have four elements; others may nest as many folders as they like.
const maxDepth = 8

// errFull ends the walk when the page is full.
var errFull = errors.New("the page is full")

// ListPaged implements driver.Bucket.
func (b *bucket) ListPaged(ctx context.Context, options *driver.ListOptions) (*driver.ListPage, error) {
	if options.Delimiter != "" && options.Delimiter != "/" {
		return nil, fmt.Errorf("listing with the delimiter %q: %w", options.Delimiter, errors.ErrUnsupported)
	}
	var query Query
	if options.BeforeList != nil {
		err := options.BeforeList(func(target any) bool {
			given, ok := target.(**Query)
			if ok {
				*given = &query
			}
			return ok
		})
		if err != nil {
			return nil, err
		}
	}
	root, err := b.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	l := &lister{
		ctx: ctx, root: root, prefix: options.Prefix, delimiter: options.Delimiter,
		after: cmp.Or(string(options.PageToken), query.StartAfter), most: cmp.Or(options.PageSize, defaultPage),
	}
	below := "."
	if slash := strings.LastIndex(options.Prefix, "/"); slash >= 0 {
		below = options.Prefix[:slash]
	}
	err = checkFolder(root, below)
	if err == nil {
		err = l.walk(below)
	}
	if err != nil && !errors.Is(err, errFull) && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return &l.page, nil
}

// heldEntries is how many entries of a folder are held at a time. A folder of a tenant may have millions.
const heldEntries = 4096

// walk visits what is in a folder in the order of keys.
func (l *lister) walk(folder string) error {
	for last := ""; ; {
		entries, more, err := l.next(folder, last)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if err := l.visit(path.Join(folder, entry.Name()), entry); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		last = sortName(entries[len(entries)-1])
	}
}

// next returns the first entries of a folder behind the one that is ordered by last, and whether others follow.
func (l *lister) next(folder, last string) (first []fs.DirEntry, more bool, err error) {
	opened, err := l.root.OpenFile(folder, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, false, err
	}
	defer opened.Close()
	for {
		if err := l.ctx.Err(); err != nil {
			return nil, false, err
		}
		some, err := opened.ReadDir(heldEntries)
		for _, entry := range some {
			if sortName(entry) > last && l.wants(path.Join(folder, entry.Name()), entry) {
				first = append(first, entry)
			}
		}
		slices.SortFunc(first, func(a, b fs.DirEntry) int { return cmp.Compare(sortName(a), sortName(b)) })
		if len(first) > heldEntries {
			clear(first[heldEntries:])
			first, more = first[:heldEntries], true
		}
		if errors.Is(err, io.EOF) {
			return first, more, nil
		}
		if err != nil {
			return nil, false, fmt.Errorf("listing folder %s: %w", folder, err)
		}
	}
}

// wants reports whether an entry is an object of the list, or a folder that has some.
func (l *lister) wants(key string, entry fs.DirEntry) bool {
	if !entry.IsDir() {
		return entry.Type().IsRegular() && strings.HasPrefix(key, l.prefix) && key > l.after
	}
	key += "/"
	return strings.Count(key, "/") <= maxDepth && isBelow(key, l.prefix) && (key >= l.after || strings.HasPrefix(l.after, key))
}

// sortName is what an entry is ordered by: keys below a folder begin with its name and a slash.
func sortName(entry fs.DirEntry) string {
	if entry.IsDir() {
		return entry.Name() + "/"
	}
	return entry.Name()
}

func (l *lister) visit(key string, entry fs.DirEntry) error {
	if entry.IsDir() {
		return l.visitFolder(key)
	}
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // It went away meanwhile.
	}
	if err != nil {
		return fmt.Errorf("listing %s: %w", key, err)
	}
	return l.add(&driver.ListObject{Key: key, ModTime: info.ModTime(), Size: info.Size()})
}

func (l *lister) visitFolder(folder string) error {
	key := folder + "/"
	if l.delimiter == "" || !strings.HasPrefix(key, l.prefix) {
		err := l.walk(folder)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // It went away meanwhile.
		}
		return err
	}
	if key <= l.after {
		return nil
	}
	return l.add(&driver.ListObject{Key: key, IsDir: true})
}

// add adds to the page; one that is full says behind which key the next one begins.
func (l *lister) add(object *driver.ListObject) error {
	if len(l.page.Objects) == l.most {
		l.page.NextPageToken = []byte(l.page.Objects[l.most-1].Key)
		return errFull
	}
	l.page.Objects = append(l.page.Objects, object)
	return nil
}
