module github.com/swath-dev/swath

go 1.26.0
