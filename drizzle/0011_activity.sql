CREATE TABLE "activity_cursor" (
	"target" text PRIMARY KEY NOT NULL,
	"version" bigint NOT NULL,
	"cursor" text,
	"at" bigint NOT NULL,
	"off" text,
	"kept" text NOT NULL
);
