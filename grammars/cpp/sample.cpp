#include <map>
#include <string>
#include <vector>

namespace store {

// A part and its price.
struct Part {
  std::string name;
  double price = 0.0;
};

template <typename T>
class Store {
 public:
  explicit Store(std::size_t limit) : limit_(limit) {}

  bool Add(const std::string& key, T part) {
    if (parts_.size() >= limit_ || key.empty()) {
      return false;
    }
    parts_[key].push_back(std::move(part));
    return true;
  }

  double Total() const {
    double sum = 0.0;
    for (const auto& [key, parts] : parts_) {
      for (const auto& part : parts) {
        sum += key[0] == '(' ? 0.0 : part.price;
      }
    }
    return sum;
  }

 private:
  std::size_t limit_;
  std::map<std::string, std::vector<T>> parts_;
};

}  // namespace store
