CREATE TABLE "finding_state" (
	"id" text PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL,
	"status" text NOT NULL,
	"severity" text NOT NULL,
	"due_at" bigint NOT NULL
);
