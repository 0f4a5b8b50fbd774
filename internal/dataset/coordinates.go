package dataset

import (
	"fmt"
	"math"
	"time"
)

// coordinates finds points and times that are not what they should be.
type coordinates struct {
	// beyond are points that are no latitude and longitude, and swapped those of
	// them that would be one the other way around.
	beyond, swapped tally
	firstPoint      [2]float32
	// fine are times in milliseconds or smaller units, and dates numbers such as
	// 20240115.
	fine, dates         tally
	firstFine, firstDay int64
}

// IsPlace reports whether a point is a latitude and a longitude in degrees.
func IsPlace(point [2]float32) bool {
	return math.Abs(float64(point[0])) <= 90 && math.Abs(float64(point[1])) <= 180
}

// known reports whether a point tells the place of its sample.
func known(point [2]float32) bool { return point != [2]float32{} && IsPlace(point) }

// greatestTime is beyond all times in Unix seconds: it is in the year 5138, and
// in milliseconds in 1973.
const greatestTime = 100_000_000_000

func (c *coordinates) add(i int, x *Sample) {
	if !IsPlace(x.Point) {
		if c.beyond.samples == 0 {
			c.firstPoint = x.Point
		}
		c.beyond.add(i)
		if IsPlace([2]float32{x.Point[1], x.Point[0]}) {
			c.swapped.add(i)
		}
	}
	switch when := x.Timestamp; {
	case when > greatestTime || when < -greatestTime:
		if c.fine.samples == 0 {
			c.firstFine = when
		}
		c.fine.add(i)
	case isDay(when):
		if c.dates.samples == 0 {
			c.firstDay = when
		}
		c.dates.add(i)
	}
}

// isDay reports whether a number is a date such as 20240115. As Unix seconds all
// of them are in August 1970.
func isDay(when int64) bool {
	if when < 19700101 || when > 20991231 {
		return false
	}
	_, err := time.Parse("20060102", fmt.Sprint(when))
	return err == nil
}

// UnitOfTime names the unit of a time that is not in Unix seconds; it is empty
// where it is.
func UnitOfTime(when int64) string {
	switch size := math.Abs(float64(when)); {
	case size <= greatestTime:
		return ""
	case size <= greatestTime*1e3:
		return "milliseconds"
	case size <= greatestTime*1e6:
		return "microseconds"
	}
	return "nanoseconds"
}

func (c *coordinates) warnings(samples int) []string {
	var all []string
	if c.beyond.samples > 0 {
		why := "are they in the meters of a map projection?"
		if c.swapped.samples == c.beyond.samples {
			why = "is the longitude first?"
		}
		all = append(all, fmt.Sprintf("the points of %s are not latitude and longitude in degrees (%v, %v); %s Places cannot be told apart by them",
			c.beyond.of(samples), c.firstPoint[0], c.firstPoint[1], why))
	}
	if c.fine.samples > 0 {
		all = append(all, fmt.Sprintf("the times of %s are not Unix seconds (%d): are they in %s?", c.fine.of(samples), c.firstFine, UnitOfTime(c.firstFine)))
	}
	if c.dates.samples > 0 {
		all = append(all, fmt.Sprintf("the times of %s are not Unix seconds but dates (%d); convert them", c.dates.of(samples), c.firstDay))
	}
	return all
}
