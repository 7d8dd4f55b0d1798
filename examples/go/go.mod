module sales-host

go 1.27
