# The client's half of Sidekiq, with the verbs of bench/driver.py: ruby driver.rb VERB JSON
require_relative "app"
require "json"

def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
def wall = Process.clock_gettime(Process::CLOCK_REALTIME)

def rate(count)
  began = clock
  yield
  { rate: count / (clock - began) }
end

def stamps(path) = File.exist?(path) ? File.readlines(path).map(&:split) : []

def wait_for(what, seconds)
  deadline = clock + seconds
  until yield
    abort "not within #{seconds} s: #{what}" if clock > deadline
    sleep 0.001
  end
end

def bulk(count) = Noop.perform_bulk((0...count).map { |number| [number] })

verb, options = ARGV[0], JSON.parse(ARGV[1] || "{}", symbolize_names: true)
count, path = options[:count], options[:path]
answer =
  case verb
  when "version" then { version: Sidekiq::VERSION, runtime: "Ruby #{RUBY_VERSION}" }
  when "fill" then bulk(count) && {}
  when "each"
    100.times { |number| Noop.perform_async(number) }
    rate(count) { count.times { |number| Noop.perform_async(number) } }
  when "bulk"
    bulk(100)
    rate(count) { bulk(count) }
  when "schedule"
    from = wall + options[:seconds]
    (0...count).each_slice(1000) do |numbers|
      times = numbers.map { |number| from + number / 1000 * 0.001 }
      Sidekiq::Client.push_bulk("class" => Noop, "args" => numbers.map { |n| [n] }, "at" => times)
    end
    {}
  when "wake"
    sent = 0
    wait_for("a job in each process", 60) do
      Stamp.perform_async(wall, path)
      sent += 1
      sleep 0.02
      stamps(path).map(&:last).uniq.size >= options[:processes]
    end
    wait_for("the last of #{sent} jobs", 60) { stamps(path).size == sent }
    {}
  when "jam"
    count.times { |number| Stamp.perform_async(1e10 * number, path) }
    {}
  when "stamps"
    count.times do |number|
      Stamp.perform_async(wall, path)
      wait_for("job #{number}", 30) { stamps(path).size > number }
      sleep options[:pause] * (0.5 + rand)
    end
    { seconds: stamps(path).map { |line| line[0].to_f } }
  when "stamps_at"
    from = wall + options[:lead]
    count.times do |number|
      due = from + options[:over] * number / count
      Stamp.perform_at(due, due, path)
    end
    last = from + options[:over] + options[:patience]
    sleep 0.005 until stamps(path).size == count || wall > last
    { seconds: stamps(path).map { |line| line[0].to_f } }
  else abort "no verb #{verb}"
  end
puts JSON.generate(answer)
