# Databricks notebook source
# expect OUTPUT_SHOWN: print(message
def say(message, frame):
    print(message, frame.count())

say("visits", spark.table("creator.care.visits"))
