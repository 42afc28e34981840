CREATE TABLE "where_to_tell" (
	"identity" text PRIMARY KEY NOT NULL,
	"last_used" text,
	"chosen" text
);
