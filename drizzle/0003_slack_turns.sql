CREATE TABLE "slack_limit" (
	"place" text PRIMARY KEY NOT NULL,
	"next_at" bigint NOT NULL,
	"channel" text
);
--> statement-breakpoint
CREATE TABLE "slack_turn" (
	"place" text NOT NULL,
	"key" text NOT NULL,
	"at" bigint NOT NULL,
	"priority" integer NOT NULL,
	CONSTRAINT "slack_turn_place_key_pk" PRIMARY KEY("place","key")
);
--> statement-breakpoint
CREATE INDEX "slack_turn_whose_is_next" ON "slack_turn" USING btree ("place","at");--> statement-breakpoint
CREATE INDEX "notice_which_message_it_is" ON "notice" USING btree ("message");