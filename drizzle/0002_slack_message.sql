CREATE TABLE "slack_message" (
	"key" text PRIMARY KEY NOT NULL,
	"channel" text,
	"ts" text,
	"tried_at" bigint NOT NULL
);
