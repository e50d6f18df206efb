package calendar_test

import (
	"fmt"
	"time"

	"uratori/calendar"
)

func ExampleCalendar() {
	cal, err := calendar.New(calendar.Config{}) // Tokyo, 09:00 to 18:00, holidays of Japan
	if err != nil {
		panic(err)
	}
	at := time.Date(2025, time.September, 9, 2, 14, 0, 0, time.UTC)
	fmt.Println(cal.Local(at).Format("2006-01-02 15:04"), cal.ZoneName(at), calendar.WeekdayJA(cal.Weekday(at)), cal.BusinessHours(at))

	holiday, _ := cal.Holiday(time.Date(2025, time.September, 15, 2, 0, 0, 0, time.UTC))
	fmt.Println(holiday.NameJA, holiday.NameEN)
	// Output:
	// 2025-09-09 11:14 JST 火 true
	// 敬老の日 Respect for the Aged Day
}
